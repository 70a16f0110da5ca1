"""Writers hardly notice a conversion, however long the record is.

``SCALE_MESSAGES=200000 python -m pytest tests/conversations/test_partitioning_scale.py`` prints the
seconds at that size; without it the same runs over a few thousand messages.
"""

import os
import sys
import time

import pytest

from conversations.models import Message, Site
from conversations.partitioning.catalog import Stage, find_stage
from tests.conversations.conftest import Writers
from tests.conversations.converting import convert, query, say, talk

MESSAGES = int(os.environ.get("SCALE_MESSAGES", "3000"))
IN_ONE = 10
CHATS = """
INSERT INTO conversations_conversation
    (id, public_id, site_id, customer_id, token_hash, token_expires_at, status, holder_epoch,
     last_seq, revision, episode, customer_read_seq, locale, page_url, is_sample, created_at,
     last_message_at)
SELECT 1000 + n, gen_random_uuid(), site_id, customer_id, 'scale' || n, now(), 'resolved', 0, %s,
    0, 1, 2, 'en', '', false, now(), now()
FROM generate_series(1, %s) n, (SELECT * FROM conversations_conversation LIMIT 1) AS one
RETURNING 1
"""
SAID = """
INSERT INTO conversations_message
    (public_id, conversation_id, seq, episode, author_kind, author_name, text, citations,
     suggestions, is_answer, created_at)
SELECT gen_random_uuid(), id, seq, 1, 'assistant', 'Shop', repeat('some words ', 20), '[]', '{}',
    true, now()
FROM generate_series(1, %s) seq, conversations_conversation WHERE id > 1000
RETURNING 1
"""


def test_writers_go_on_when_a_long_record_is_converted(
    shop: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    conversation = talk(shop, count=1)
    query(CHATS, IN_ONE, MESSAGES // IN_ONE)
    query(SAID, IN_ONE)
    waits: list[float] = []

    def write() -> None:
        began = time.monotonic()
        say(conversation.pk, "Meanwhile")
        waits.append(time.monotonic() - began)
        time.sleep(0.01)

    with Writers(write):
        began = time.monotonic()
        said = convert()
        seconds = time.monotonic() - began
    if "SCALE_MESSAGES" in os.environ:
        waits.sort()
        with capsys.disabled():
            sys.stdout.write(
                f"\n{said}{MESSAGES} messages in {seconds:.1f} s; of {len(waits)} written "
                f"meanwhile half took {waits[len(waits) // 2] * 1000:.0f} ms, the slowest "
                f"{waits[-1] * 1000:.0f} ms\n"
            )
    assert find_stage() == Stage.DONE
    assert Message.objects.count() == 1 + MESSAGES // IN_ONE * IN_ONE + len(waits)
    # Below the two seconds after which the product's sessions give up.
    assert max(waits) < 1.5
