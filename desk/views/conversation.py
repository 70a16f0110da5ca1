"""One conversation: the page, and the fragment that keeps it fresh."""

from typing import Any
from uuid import UUID, uuid4

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from conversations.text import MAX_MESSAGE_CHARACTERS
from desk.access import agent_of
from desk.console import read_console
from desk.queue import read_queue
from escalation.selectors import access_conversation
from llm.keys import key_ring

# Past any real number of messages, and safe for the database's integers.
LARGEST_SEQ = 2_000_000_000


def _context(request: HttpRequest, public_id: UUID, *, after: int = 0) -> dict[str, Any]:
    agent = agent_of(request)
    conversation = access_conversation(agent, public_id=public_id)
    is_whole = request.GET.get("whole") == "1"
    console = read_console(conversation, agent=agent, after=after, is_whole=is_whole)
    return {"console": console, "conversation": conversation, "agent": agent}


def conversation_response(
    request: HttpRequest,
    public_id: UUID,
    *,
    draft: str = "",
    client_id: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Return the page; ``draft`` and ``problem`` are those of a reply that was refused."""
    context = {
        **admin.site.each_context(request),
        **_context(request, public_id),
        "queue": read_queue(agent_of(request)),
        "draft": draft,
        "client_id": client_id or str(uuid4()),
        "problem": problem,
        "max_characters": MAX_MESSAGE_CHARACTERS,
        # Other help can be had without one: only a translation can't.
        "has_model": bool(key_ring().list_keys()),
    }
    return TemplateResponse(request, "desk/conversation.html", context, status=status)


@require_safe
def conversation_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Show a conversation with all that an agent needs to act."""
    return conversation_response(request, public_id)


@require_safe
def conversation_fragment(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Return the messages past ``after`` and the moving parts around them."""
    asked = request.GET.get("after", "0")
    after = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 11 else 0
    context = _context(request, public_id, after=min(after, LARGEST_SEQ))
    return TemplateResponse(request, "desk/conversation_fragment.html", context)
