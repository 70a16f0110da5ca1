"""The report of models and money stays quick however long the record is.

``SCALE_TURNS=200000 python -m pytest tests/reports/test_model_scale.py`` prints the milliseconds at
that size; without it the same runs over a few thousand turns.
"""

import os
import sys
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import Customer, Site
from reports import model_queries, money_queries
from reports.spans import last_days

TURNS = int(os.environ.get("SCALE_TURNS", "3000"))
YEAR = 360
# One conversation a turn, spread evenly over a year; of ten turns three are a model's.
CONVERSATIONS = """
insert into conversations_conversation
    (id, public_id, site_id, customer_id, token_hash, token_expires_at, status, holder_epoch,
     last_seq, revision, episode, customer_read_seq, locale, page_url, is_sample, created_at,
     last_message_at)
select n, gen_random_uuid(), %(site)s, %(customer)s, 'scale' || n, now(), 'resolved', 0, 2, 0, 1,
    2, 'en', '', false, now() - (%(turns)s - n) * interval '1 day' * %(days)s / %(turns)s, now()
from generate_series(1, %(turns)s) n
"""
MESSAGES = """
insert into conversations_message
    (id, public_id, conversation_id, seq, episode, author_kind, author_name, text, citations,
     suggestions, is_answer, helpful, created_at)
select 2 * c.id + part, gen_random_uuid(), c.id, part + 1, 1,
    case part when 0 then 'customer' else 'assistant' end, '', repeat('some words ', 20), '[]',
    '{}', part = 1, case when part = 1 and c.id %% 7 = 0 then c.id %% 2 = 0 end, c.created_at
from conversations_conversation c, generate_series(0, 1) part
"""
EPISODES = """
insert into conversations_episode
    (conversation_id, number, started_at, first_question_at, handled_by, outcome, resolved_by,
     resolved_at)
select c.id, 1, c.created_at, c.created_at, 'assistant',
    case when c.id %% 3 = 0 then 'confirmed' else 'assumed' end, 'customer', c.created_at
from conversations_conversation c
"""
TURN_ROWS = """
insert into assistant_turn
    (id, public_id, conversation_id, state, from_seq, through_seq, holder_epoch, attempt, fence,
     next_publish_at, publish_count, partial_text, outcome, hand_off_reason, features, topic, tier,
     tier_reason, prompt_version, engine, model, prompt_tokens, completion_tokens, cached_tokens,
     cost, error_code, message_id, created_at, claimed_at, finished_at)
select c.id, gen_random_uuid(), c.id, 'done', 1, 1, 0, 1, 1, c.created_at, 1, '', 'answered', '',
    '{"peak": 0.81, "focus": 0.4, "lead": 0.3, "coverage": 0.7}', 'returns',
    case when c.id %% 10 < 2 then 'standard' when c.id %% 10 = 2 then 'strong' else '' end,
    case when c.id %% 10 < 3
        then 'the articles are not quite clear: confidence 0.' || 10 + c.id %% 90 else '' end,
    'answer/2',
    case when c.id %% 10 < 3 then 'openai' when c.id %% 10 < 6 then 'cache' else 'extractive' end,
    'm', case when c.id %% 10 < 3 then 1500 else 0 end,
    case when c.id %% 10 < 3 then 120 else 0 end,
    case when c.id %% 10 < 3 then 800 else 0 end,
    case when c.id %% 10 < 3 then 0.002 end, case when c.id %% 500 = 0 then 'promise' else '' end,
    2 * c.id + 1, c.created_at, c.created_at, c.created_at + interval '1 second' * (c.id %% 9)
from conversations_conversation c
"""
RESERVATIONS = """
insert into assistant_reservation
    (turn_id, purpose, tier, state, day, scopes, usd, tokens, settled_usd, settled_tokens,
     created_at, settled_at)
select t.id, case t.id %% 4 when 0 then 'rewrite' else 'answer' end, 'standard', 'settled',
    t.created_at::date, jsonb_build_array(jsonb_build_array('site', %(site)s::text)), 0.01, 5000,
    0.002, 1620, t.created_at, t.finished_at
from assistant_turn t
"""
TABLES = ("conversations_conversation", "conversations_message", "conversations_episode",
          "assistant_turn", "assistant_reservation")  # fmt: skip


@pytest.fixture
def full(site: Site) -> Site:
    """A site with a year of turns."""
    customer = Customer.objects.create(site=site)
    values = {"site": site.pk, "customer": customer.pk, "turns": TURNS, "days": YEAR}
    with connection.cursor() as cursor:
        for statement in (CONVERSATIONS, MESSAGES, EPISODES, TURN_ROWS, RESERVATIONS):
            cursor.execute(statement, values)
        for table in TABLES:
            cursor.execute(f"analyze {table}")
    return site


@pytest.mark.parametrize(("days", "most_seconds"), [(14, 1.0), (30, 1.0), (360, 5.0)])
@pytest.mark.parametrize("of_site", [False, True])
def test_report_is_quick_when_the_record_is_long(
    full: Site, days: int, most_seconds: float, of_site: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    span = last_days(days)
    began = time.monotonic()
    with CaptureQueriesContext(connection) as queries:
        report = money_queries.build_model_report(
            span, include_sample=False, site=full if of_site else None
        )
    seconds = time.monotonic() - began
    if "SCALE_TURNS" in os.environ:
        slowest = sorted((query["time"] for query in queries), reverse=True)[:3]
        with capsys.disabled():
            sys.stdout.write(
                f"\n{TURNS} turns in a year, {days} days{' of a website' if of_site else ''}: "
                f"{seconds * 1000:.0f} ms, the slowest queries {', '.join(slowest)} s\n"
            )
    assert report.all.turns >= TURNS * (days - 1) // YEAR
    assert seconds < most_seconds


def test_turns_of_some_days_are_found_by_their_index(full: Site) -> None:
    of = model_queries.turns(last_days(3), include_sample=True)
    with connection.cursor() as cursor:
        # Of so few rows the planner would rather read all.
        cursor.execute("set local enable_seqscan = off")
    assert "turn_created" in of.explain()
