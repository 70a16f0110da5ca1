"""The queue: a page, the fragment that keeps it fresh, and the agent's availability."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from desk.access import agent_of
from desk.queue import read_queue
from escalation.models import AgentProfile, HandOff


def _context(request: HttpRequest) -> dict[str, Any]:
    agent = agent_of(request)
    return {"queue": read_queue(agent, page=request.GET.get("page")), "agent": agent}


@require_safe
def queue_page(request: HttpRequest) -> HttpResponse:
    """Show who waits and whom the agents are with."""
    context = {**admin.site.each_context(request), **_context(request), "title": "Queue"}
    return TemplateResponse(request, "desk/queue.html", context)


@require_safe
def queue_fragment(request: HttpRequest) -> HttpResponse:
    """Return the queue's moving parts for the page's script."""
    return TemplateResponse(request, "desk/queue_fragment.html", _context(request))


@require_POST
def set_availability(request: HttpRequest) -> HttpResponse:
    """Say whether the agent takes new conversations."""
    is_available = request.POST.get("available") == "on"
    AgentProfile.objects.filter(user=agent_of(request)).update(is_available=is_available)
    messages.success(
        request,
        "You are available." if is_available else "You are not available for new conversations.",
    )
    return HttpResponseRedirect(reverse("admin:escalation_handoff_changelist"))


@require_safe
def open_hand_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead from a hand-off's usual admin address to its conversation."""
    hand_off = get_object_or_404(HandOff.objects.select_related("conversation"), pk=pk)
    return redirect("admin:desk_conversation", hand_off.conversation.public_id)
