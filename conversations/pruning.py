"""Deletes what the record need not keep: conversations that were opened and never written in."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from conversations.models import Conversation, Customer, Episode
from conversations.services import TOKEN_LIFETIME

KEPT: Final = timedelta(days=1)
# Short enough to lock few rows at a time; a run that is killed leaves whole batches.
BATCH: Final = 500


def forget_unused() -> int:
    """Delete what nobody wrote in nor came back to within a day; return how many conversations.

    Each visitor who only opens the chat makes one, and whoever wants to, thousands.
    """
    count = 0
    while deleted := _forget_some():
        count += deleted
    return count


@transaction.atomic
def _forget_some() -> int:
    now = timezone.now()
    unused = Conversation.objects.filter(
        last_seq=0,
        created_at__lt=now - KEPT,
        # Each return extends it.
        token_expires_at__lt=now + TOKEN_LIFETIME - KEPT,
    )
    # One that is being written in just now is none.
    locked = list(unused.select_for_update(skip_locked=True).order_by("pk")[:BATCH])
    Episode.objects.filter(conversation__in=locked).delete()
    Conversation.objects.filter(pk__in=[one.pk for one in locked]).delete()
    _forget_customers({one.customer_id for one in locked})
    return len(locked)


def _forget_customers(pks: set[int]) -> None:
    """Delete those of these who have no conversation left, unless one begins at this moment."""
    others = Conversation.objects.filter(customer=OuterRef("pk"))
    left = Customer.objects.filter(~Exists(others), pk__in=pks)
    found = left.select_for_update(skip_locked=True).values_list("pk", flat=True)
    Customer.objects.filter(pk__in=list(found)).delete()
