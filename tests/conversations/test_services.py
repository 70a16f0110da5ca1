"""The record's writes on the real database."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from conversations import services
from conversations.models import Conversation, Customer, Episode, Message, Rating, Site
from conversations.selectors import access_by_token, access_conversation, wants_rating
from conversations.text import clean_message
from core.errors import BadInput, Conflict, NotFound, TooLong, Unauthorized


def resolve(conversation: Conversation) -> None:
    with transaction.atomic():
        services.resolve_conversation(
            services.lock_conversation(conversation.pk),
            by=Episode.ResolvedBy.CUSTOMER,
            handled_by=Episode.HandledBy.ASSISTANT,
            outcome=Episode.Outcome.ASSUMED,
        )


def test_access_by_token_when_expired_or_unknown_is_refused(site: Site) -> None:
    conversation, token = services.start_conversation(site)
    assert access_by_token(token).pk == conversation.pk
    for wrong in (token[:-1], "x" * 43, "", None, 7, "\x00" * 40):
        with pytest.raises(Unauthorized):
            access_by_token(wrong)
    Conversation.objects.update(token_expires_at=timezone.now())
    with pytest.raises(Unauthorized):
        access_by_token(token)


def test_access_conversation_when_another_ones_does_not_exist(site: Site) -> None:
    _, token = services.start_conversation(site)
    other, _ = services.start_conversation(site)
    with pytest.raises(NotFound):
        access_conversation(token, public_id=other.public_id)


def test_token_is_stored_as_a_hash_only(site: Site) -> None:
    conversation, token = services.start_conversation(site)
    conversation.refresh_from_db()
    assert token not in str(conversation.__dict__.values())


@pytest.mark.django_db(transaction=True)
def test_append_message_when_many_write_at_once_numbers_are_dense(
    conversation: Conversation,
) -> None:
    def write(number: int) -> None:
        with transaction.atomic():
            services.append_message(
                services.lock_conversation(conversation.pk),
                author_kind=Message.Author.CUSTOMER,
                text=str(number),
                client_id=uuid.uuid4(),
            )
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(24)))
    numbers = list(conversation.messages.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, 25))


def test_change_status_when_the_table_has_no_way_is_refused(conversation: Conversation) -> None:
    resolve(conversation)
    with transaction.atomic(), pytest.raises(Conflict):
        services.change_status(
            services.lock_conversation(conversation.pk), Conversation.Status.WAITING
        )


def test_rate_conversation_is_stored_once_an_episode(conversation: Conversation) -> None:
    with pytest.raises(Conflict):
        services.rate_conversation(conversation.pk, score=5)
    resolve(conversation)
    services.rate_conversation(conversation.pk, score=4, comment="Thanks")
    services.rate_conversation(conversation.pk, score=4, comment="Thanks")
    with pytest.raises(Conflict):
        services.rate_conversation(conversation.pk, score=1)
    assert Rating.objects.count() == 1
    assert Episode.objects.get().outcome == Episode.Outcome.CONFIRMED


@pytest.mark.parametrize("score", [0, 6, "5", 4.5, True, None])
def test_rate_conversation_when_the_score_is_no_score(
    conversation: Conversation, score: object
) -> None:
    resolve(conversation)
    with pytest.raises(BadInput):
        services.rate_conversation(conversation.pk, score=score)


def test_wants_rating_only_after_a_question_and_until_rated(conversation: Conversation) -> None:
    resolve(conversation)
    assert not wants_rating(Conversation.objects.get())
    Episode.objects.update(first_question_at=timezone.now())
    assert wants_rating(Conversation.objects.get())
    services.rate_conversation(conversation.pk, score=5)
    assert not wants_rating(Conversation.objects.get())


def test_reopen_conversation_starts_an_episode_within_72_hours(
    conversation: Conversation,
) -> None:
    resolve(conversation)
    with transaction.atomic():
        services.reopen_conversation(services.lock_conversation(conversation.pk))
    assert Episode.objects.count() == 2
    resolve(conversation)
    Conversation.objects.update(resolved_at=timezone.now() - timedelta(hours=73))
    with transaction.atomic(), pytest.raises(Unauthorized):
        services.reopen_conversation(services.lock_conversation(conversation.pk))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", BadInput),
        ("  \n ", BadInput),
        ("a\x00b", BadInput),
        (None, BadInput),
        (7, BadInput),
        ("x" * 4001, TooLong),
    ],
)
def test_clean_message_when_bad_is_refused(text: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        clean_message(text)


def test_clean_message_replaces_lone_surrogates_and_keeps_pairs() -> None:
    assert clean_message("a\ud800b") == "a\ufffdb"
    assert clean_message("\U0001f642 ok ") == "\U0001f642 ok"


def test_mark_read_never_goes_back_nor_past_the_end(conversation: Conversation) -> None:
    Conversation.objects.update(last_seq=5)
    for seq, expected in ((3, 3), (2, 3), (9, 3), (5, 5)):
        services.mark_read(conversation.pk, seq=seq)
        conversation.refresh_from_db()
        assert conversation.customer_read_seq == expected


def test_appending_fills_every_column_that_a_message_has() -> None:
    names = services.APPENDING.split("INSERT INTO conversations_message")[1]
    listed = {name.strip() for name in names[names.index("(") + 1 : names.index(")")].split(",")}
    columns = {field.column for field in Message._meta.concrete_fields}
    # The one is numbered by the database, the other is said later.
    assert listed == columns - {"id", "helpful"}


@pytest.mark.django_db
@pytest.mark.parametrize("known", [{}, {"email": "mia@example.com"}, {"name": "Mia"}])
def test_message_has_the_customers_name(conversation: Conversation, known: dict[str, str]) -> None:
    customer = conversation.customer
    Customer.objects.filter(pk=customer.pk).update(**known)
    customer.refresh_from_db()
    with transaction.atomic():
        locked = services.lock_conversation(conversation.pk)
        said = services.append_message(locked, author_kind=Message.Author.CUSTOMER, text="Hello")
    said.refresh_from_db()
    assert said.author_name == str(customer)
