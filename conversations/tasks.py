"""Chores of the record."""

from celery import shared_task
from django.core.management import call_command

from conversations.pruning import forget_unused


@shared_task
def clear_expired_sessions() -> None:
    """Delete the staff's expired log-in sessions."""
    call_command("clearsessions")


@shared_task
def forget_unused_conversations() -> None:
    """Delete the conversations that nobody wrote in."""
    forget_unused()
