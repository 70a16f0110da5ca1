"""The table of messages is partitioned while it is written to, and nothing of it changes."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, connection, models, transaction

from assistant.models import CachedAnswer, LearntFact, Turn
from conversations import selectors
from conversations import services as record
from conversations.models import Conversation, Message, Site
from conversations.partitioning import copying, steps, swap, twin
from conversations.partitioning.catalog import Stage, find_stage
from supportbot.processes import wait_until
from tests.conversations.conftest import Writers
from tests.conversations.converting import (
    convert,
    forget,
    killed_in,
    named_things,
    other_session,
    query,
    say,
    stored,
    talk,
)
from tests.live.processes import ROOT

WAITING = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def test_every_row_is_as_written_when_converted_under_load(shop: Site) -> None:
    kept: dict[int, list[tuple[int, str, bool | None]]] = {}
    before = [talk(shop, count=20) for _ in range(10)]
    was = stored()

    def append_and_forget() -> None:
        one, two = talk(shop, count=4), talk(shop, count=2)
        kept[one.pk] = [(n + 1, f"Text {n}", True if n == 0 else None) for n in range(4)]
        forget(two)

    def change_old_ones() -> None:
        for one in before[5:]:
            for message in Message.objects.filter(conversation=one):
                Message.objects.filter(pk=message.pk, conversation=one).update(text="Changed")
            forget(one)
        del before[5:]
        append_and_forget()

    with Writers(append_and_forget, append_and_forget, change_old_ones) as writers:
        convert("--partitions", "4", "--batch", "7")
        at_swap = len(kept)
        assert wait_until(lambda: len(kept) > at_swap + 4 or bool(writers.errors), seconds=30)
    assert find_stage() == Stage.DONE
    assert len(before) == 5
    # The five that nobody touched.
    assert stored()[:100] == was[:100]
    found: dict[int, list[tuple[int, str, bool | None]]] = {}
    for message in Message.objects.exclude(conversation__in=before):
        row = (message.seq, message.text, message.helpful)
        found.setdefault(message.conversation_id, []).append(row)
    assert found == kept
    assert len(query("SELECT DISTINCT tableoid FROM conversations_message")) == 4


def test_names_and_keys_go_on_when_converted(shop: Site) -> None:
    conversation = talk(shop, count=3)
    was, last = named_things(), Message.objects.latest("pk").pk
    convert()
    [lost] = was - named_things()
    assert str(lost[0]).startswith("assistant_cachedansw_source_message_id")
    assert not named_things() - was
    assert not query("SELECT FROM pg_constraint WHERE NOT convalidated")
    message = say(conversation.pk, "One more")
    assert (message.pk, message.seq) == (last + 1, 4)
    assert Message.objects.get(pk=message.pk) == message


@pytest.mark.parametrize("column", ["id", "public_id", "client_id", "seq"])
def test_doubles_are_refused_when_converted(shop: Site, column: str) -> None:
    conversation = talk(shop, count=1)
    first = say(conversation.pk, "First", client_id=uuid4())
    convert()
    fields = {"conversation": conversation, "seq": 9, "author_kind": "customer", "text": ""}
    fields[column] = getattr(first, column)
    with pytest.raises(IntegrityError, match="duplicate key"):
        Message.objects.create(**fields)


def test_orphans_are_refused_when_converted(shop: Site) -> None:
    mine, other = talk(shop, count=1), talk(shop, count=1)
    convert()
    foreign = Message.objects.get(conversation=other)
    with pytest.raises(IntegrityError, match="assistant_turn_message_id"):
        Turn.objects.filter(conversation=mine).update(message=foreign.pk)
    with pytest.raises(IntegrityError, match="assistant_learntfact"):
        LearntFact.objects.create(
            customer=mine.customer, conversation=mine, key="size", value="9", source_message=foreign
        )
    with pytest.raises(IntegrityError, match="assistant_turn"):
        query("DELETE FROM conversations_message WHERE id = %s RETURNING 1", foreign.pk)
    assert not CachedAnswer.objects.exists()


@pytest.mark.parametrize(
    "read",
    [
        lambda one: selectors.transcript(one.pk).filter(seq__gt=1)[:8],
        lambda one: Message.objects.filter(conversation=one, client_id=uuid4()),
        lambda one: Message.objects.filter(conversation=one, public_id=uuid4(), is_answer=True),
        lambda one: Message.objects.filter(conversation=one, turn__outcome="stopped"),
    ],
    ids=["history", "resent", "thumb", "stopped"],
)
def test_hot_queries_look_into_one_partition(
    shop: Site, read: Callable[[Conversation], "models.QuerySet[Message]"]
) -> None:
    conversation = talk(shop, count=2)
    convert("--partitions", "8")
    plan = read(conversation).explain()
    partitions = [query("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")]
    names = [str(name) for (name,) in partitions[0]]
    assert len(names) == 8
    assert sum(f" on {name} " in plan for name in names) == 1


@pytest.mark.parametrize(
    ("module", "name", "at"),
    [
        (twin, "_make_indexes", 1),
        (twin, "build_twin", 1),
        (copying, "copy_batch", 1),
        (copying, "copy_batch", 3),
        (swap, "_add_unchecked", 2),
        (swap, "add_reference", 2),
        (copying, "compare_rows", 1),
        (swap, "_move_references", 1),
        (swap, "_swap", 1),
        (swap, "swap_tables", 1),
        (swap, "drop_retired", 1),
    ],
)
def test_conversion_goes_on_when_killed_in_a_step(
    shop: Site, monkeypatch: pytest.MonkeyPatch, module: object, name: str, at: int
) -> None:
    conversation = talk(shop, count=30)
    with killed_in(monkeypatch, module, name, at=at):
        convert("--batch", "10")
    say(conversation.pk, "Said between two runs")
    was = stored()
    convert("--batch", "10")
    assert find_stage() == Stage.DONE
    assert stored() == was
    say(conversation.pk, "Said afterwards")
    assert [one.seq for one in selectors.transcript(conversation.pk)] == list(range(1, 33))


def test_conversion_goes_on_when_its_process_is_killed(
    shop: Site, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        talk(shop, count=20)
    monkeypatch.setenv("DATABASE_URL", scratch)
    command = [sys.executable, "manage.py", "partition_messages", "--batch", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:

        def has_begun() -> bool:
            return find_stage() == Stage.COPYING and query(
                "SELECT copied FROM message_partitions.progress"
            ) > [(20,)]

        try:
            assert wait_until(has_begun, seconds=60)
        finally:
            process.kill()
    [(copied,)] = query("SELECT copied FROM message_partitions.progress")
    assert isinstance(copied, int)
    assert 20 < copied < Message.objects.latest("pk").pk
    was = stored()
    assert f"{400 - copied} rows were copied in this run, 400 are equal." in convert()
    assert stored() == was


def test_second_run_does_nothing(shop: Site) -> None:
    talk(shop, count=2)
    convert("--keep-old")
    relation = query("SELECT 'conversations_message'::regclass::oid")
    assert query("SELECT count(*) FROM message_retired.conversations_message") == [(2,)]
    forget(Conversation.objects.get())
    assert "dropped the old table" in convert()
    assert "Nothing is to be done." in convert()
    assert query("SELECT 'conversations_message'::regclass::oid") == relation


@pytest.mark.parametrize("is_copied", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM conversations_message WHERE id = 2",
        "UPDATE conversations_message SET text = 'New' WHERE id = 2",
        "UPDATE conversations_message SET id = 99, seq = 99 WHERE id = 2",
        "UPDATE conversations_message SET conversation_id = 2, seq = 9 WHERE id = 2",
    ],
)
def test_write_that_a_copy_meets_is_not_undone(
    shop: Site, scratch: str, statement: str, is_copied: bool
) -> None:
    conversation = record.start_conversation(shop)[0]
    record.start_conversation(shop)
    for number in range(4):
        say(conversation.pk, str(number))
    twin.build_twin(3)
    if is_copied:
        copying.copy_rows(10)
    with other_session(scratch) as session:
        session.execute(statement)
        copy = threading.Thread(target=lambda: (copying.copy_rows(10), connection.close()))
        copy.start()
        # It waits for the row, or would have gone past it.
        assert wait_until(lambda: bool(query(WAITING)) or not copy.is_alive(), seconds=10)
        session.commit()
        copy.join()
    copying.compare_rows(10)
    assert query("SELECT row.*::text FROM message_partitions.conversations_message AS row "
                 "ORDER BY id") == stored()  # fmt: skip


def test_comparison_tells_when_the_copy_differs(shop: Site) -> None:
    conversation = record.start_conversation(shop)[0]
    for number in range(30):
        say(conversation.pk, str(number))
    twin.build_twin(3)
    copying.copy_rows(10)
    assert copying.compare_rows(10) == 30
    for damage in (
        "UPDATE message_partitions.conversations_message SET helpful = false WHERE id = 15",
        "DELETE FROM message_partitions.conversations_message WHERE id = 15",
        "INSERT INTO message_partitions.conversations_message SELECT (jsonb_populate_record(row,"
        " jsonb_build_object('id', 77, 'seq', 77, 'public_id', gen_random_uuid()))).*"
        " FROM message_partitions.conversations_message AS row WHERE id = 20",
    ):
        with transaction.atomic():
            query(f"{damage} RETURNING 1")
            with pytest.raises(CommandError, match="The copy differs"):
                convert("--batch", "10")
            transaction.set_rollback(True)


def test_prepared_statements_of_other_sessions_go_on(shop: Site, scratch: str) -> None:
    conversation = talk(shop, count=2)
    read = "SELECT * FROM conversations_message WHERE conversation_id = %s ORDER BY seq"
    write = (
        "INSERT INTO conversations_message (public_id, conversation_id, seq, episode, author_kind,"
        " author_name, text, citations, suggestions, is_answer, created_at) VALUES"
        " (gen_random_uuid(), %s, %s, 1, 'customer', '', '', '[]', '{}', false, now())"
    )
    with other_session(scratch) as session:
        for seq in range(3, 11):
            session.execute(write, [conversation.pk, seq])
            session.execute(read, [conversation.pk])
            session.commit()
        convert("--partitions", "4")
        session.execute(write, [conversation.pk, 11])
        assert len(session.execute(read, [conversation.pk]).fetchall()) == 11
        [(prepared,)] = session.execute("SELECT count(*) FROM pg_prepared_statements")
        assert isinstance(prepared, int)
        assert prepared >= 2


def test_writer_passes_when_it_holds_its_conversation(shop: Site, scratch: str) -> None:
    talk(shop, count=1)
    with other_session(scratch) as session:
        session.execute("SELECT FROM conversations_conversation FOR UPDATE")
        session.execute("UPDATE conversations_message SET text = 'Mine'")
        building = threading.Thread(target=lambda: (twin.build_twin(3), connection.close()))
        building.start()
        assert wait_until(lambda: bool(query(WAITING)), seconds=10)
        # A lock that it would have to wait for is refused at once.
        session.execute("SET lock_timeout = '5ms'")
        session.execute("UPDATE conversations_conversation SET last_seq = last_seq")
        session.commit()
        building.join()
    assert find_stage() == Stage.COPYING


def test_swap_gives_way_to_a_long_transaction(
    shop: Site, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = talk(shop, count=2)
    slowest = 0.0

    def write() -> None:
        nonlocal slowest
        began = time.monotonic()
        say(conversation.pk, "Meanwhile")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.02)

    tries = Counter[str]()
    real = swap.lock_all

    def count() -> float:
        tries["swap"] += 1
        return real()

    monkeypatch.setattr(swap, "lock_all", count)
    with other_session(scratch) as session, Writers(write):
        session.execute("SELECT count(*) FROM conversations_message")
        holder = threading.Timer(0, lambda: (_wait_for_tries(tries), session.commit()))
        swapping = threading.Thread(target=lambda: (convert(), connection.close()))
        swapping.start()
        holder.start()
        swapping.join()
        holder.join()
    assert find_stage() == Stage.DONE
    # Below the two seconds after which the product's sessions give up.
    assert slowest < 1.5


def _wait_for_tries(tries: Counter[str]) -> None:
    assert wait_until(lambda: tries["swap"] >= 3, seconds=20)


def test_all_is_as_before_when_abandoned(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = talk(shop, count=3)
    was = named_things()
    with killed_in(monkeypatch, copying, "compare_rows", at=1):
        convert()
    convert("--abandon")
    assert named_things() == was
    assert find_stage() == Stage.PLAIN
    say(conversation.pk, "Afterwards")
    convert()
    with pytest.raises(CommandError, match="nothing to abandon"):
        convert("--abandon")


def test_conversion_is_refused_when_something_would_be_lost(shop: Site) -> None:
    mine, other = talk(shop, count=1), talk(shop, count=1)
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW said AS SELECT text FROM conversations_message")
        with pytest.raises(CommandError, match="view said"):
            convert()
        cursor.execute("DROP VIEW said")
    Turn.objects.filter(conversation=mine).update(message=None)
    foreign = Message.objects.get(conversation=other)
    Turn.objects.filter(conversation=other).update(message=None)
    Turn.objects.filter(conversation=mine).update(message=foreign)
    with pytest.raises(CommandError, match=r"assistant_turn.message_id: 1 rows refer"):
        convert()
    Turn.objects.filter(conversation=mine).update(message=None)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE conversations_message ADD more int")
    with pytest.raises(CommandError, match="columns changed"):
        convert()
    assert steps.find_stage() == Stage.COPYING


def test_migrations_change_the_table_when_partitioned(shop: Site) -> None:
    conversation = talk(shop, count=2)
    convert()
    short = models.CharField(max_length=10, default="x", db_index=True)
    short.set_attributes_from_name("mood")
    long = models.TextField(null=True)
    long.set_attributes_from_name("mood")
    index = models.Index(fields=["created_at"], name="message_created")
    with connection.schema_editor() as editor:
        editor.add_field(Message, short)
    with connection.schema_editor() as editor:
        editor.alter_field(Message, short, long)
        editor.add_index(Message, index)
        editor.remove_constraint(Message, Message._meta.constraints[0])
        editor.add_constraint(Message, Message._meta.constraints[0])
    assert query("SELECT mood FROM conversations_message") == [("x",), ("x",)]
    with connection.schema_editor() as editor:
        editor.remove_index(Message, index)
        editor.remove_field(Message, long)
    say(conversation.pk, "Afterwards")
