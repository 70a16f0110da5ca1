"""A configured tool tried from the command line, before a customer meets it."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from conversations.models import Site
from tests.assistant.test_tools_http import WRITE, row
from tests.web_server import WebServer, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def web(settings: Settings) -> Iterator[WebServer]:
    """A server of the company, as an inner host that the installation allows."""
    settings.TOOL_SECRETS = {"SHOP": "from-the-environment"}
    with serving() as server:
        settings.FETCH_ALLOWED_HOSTS = [f"127.0.0.1:{server.port}"]
        yield server


def configure(site: Site, web: WebServer, **values: Any) -> None:
    row(
        site,
        url_template=f"{web.origin}/orders/{{number}}",
        headers={"X-Key": "secret:SHOP"},
        **values,
    ).save()


def tried(*arguments: str) -> str:
    """Return what the command writes."""
    out = StringIO()
    call_command("try_tool", *arguments, stdout=out)
    return out.getvalue()


def test_read_is_made_as_in_a_turn_and_shows_no_secret(site: Site, web: WebServer) -> None:
    configure(site, web, is_active=False)
    web.add("/orders/HP-1", '{"state": "sent"}', content_type="application/json")
    said = tried(site.key, "order_state", '{"number": "HP-1"}', "--customer=mia")
    assert f"GET {web.origin}/orders/HP-1\n" in said
    assert "X-Key, X-Supportbot-Customer, X-Supportbot-Signature" in said
    assert "Done in " in said
    assert '{"state": "sent"}' in said
    assert "from-the-environment" not in said
    assert web.received[0].headers["X-Key"] == "from-the-environment"


def test_effect_is_shown_and_not_sent(site: Site, web: WebServer) -> None:
    configure(site, web, **WRITE)
    said = tried(site.key, "order_state", '{"number": "HP-1"}')
    assert "Stop HP-1?" in said
    assert "nothing was sent" in said
    assert web.connections == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("order_state", '{"number": "?"}'), "number: String should match pattern"),
        (("order_state",), "number: Field required"),
        (("order_state", "[]"), "arguments: "),
        (("order_state", "{"), "no JSON"),
        (("other",), "has no HTTP tool 'other'"),
    ],
)
def test_what_can_not_be_called_is_refused_in_words(
    site: Site, web: WebServer, arguments: tuple[str, ...], words: str
) -> None:
    configure(site, web)
    with pytest.raises(CommandError) as refused:
        tried(site.key, *arguments)
    assert words in str(refused.value)
    assert web.connections == 0
