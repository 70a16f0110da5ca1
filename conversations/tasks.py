"""Chores of the record."""

from celery import shared_task
from django.core.management import call_command


@shared_task
def clear_expired_sessions() -> None:
    """Delete the staff's expired log-in sessions."""
    call_command("clearsessions")
