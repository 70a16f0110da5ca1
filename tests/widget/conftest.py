"""What the widget's tests share."""

import pytest

from conversations.models import Conversation, Site
from conversations.services import start_conversation


@pytest.fixture
def opened(site: Site) -> tuple[Conversation, str]:
    """Return a new conversation and the token that opens it."""
    return start_conversation(site)
