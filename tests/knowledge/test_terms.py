"""The terms that texts are indexed and searched by."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge.terms import MAX_TERM_CHARACTERS, _kept_stem, _stem, all_terms_of, terms_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How do I return my boots?", ["return", "boot"]),
        ("RETURNS returned Returning", ["return"] * 3),
        ("the shop's policy", ["shop", "polici"]),
        ("the shop\u2019s policy", ["shop", "polici"]),
        ("e-mail email E-Mail", ["email"] * 3),
        ("T-shirt", ["tshirt"]),
        ("order HP-10234 HP10234", ["order", "hp10234", "hp10234"]),
        ("30-day gift-card", ["30", "day", "gift", "card"]),
        ("\uff21\uff22\uff23 123", ["abc", "123"]),
        ("snake_case <b>bold</b>", ["snake", "case", "b", "bold", "b"]),
        ("what is it?", []),
        ("", []),
        ("返品できますか", ["返品", "品で", "でき", "きま", "ます", "すか"]),
        ("字", ["字"]),
    ],
)
def test_terms_of_english_text(text: str, expected: list[str]) -> None:
    assert terms_of(text) == expected


@pytest.mark.parametrize(
    ("marked", "unmarked"),
    [
        ("What's your return policy?", "whats your return policy"),
        ("I don't see my order", "i dont see my order"),
        ("I can't log in", "i cant log in"),
        ("I'm locked out", "im locked out"),
        ("I\u2019ve paid twice", "ive paid twice"),
        ("Where's the parcel they're sending?", "wheres the parcel theyre sending"),
        ("it didn't arrive and we couldn't call", "it didnt arrive and we couldnt call"),
        ("who's there, let's see", "whos there, lets see"),
        ("you'll ship when it's ready", "youll ship when its ready"),
    ],
)
def test_left_out_apostrophe_changes_nothing(marked: str, unmarked: str) -> None:
    assert terms_of(unmarked) == terms_of(marked)
    assert all_terms_of(unmarked) == all_terms_of(marked)


def test_contractions_are_no_topic_and_words_alike_are() -> None:
    assert terms_of("What's up? I'd say I'll wait, whats this") == ["up", "say", "wait"]
    assert terms_of("my id, my well, ill") == ["id", "well", "ill"]
    assert terms_of("im Paket", locale="de") == ["im", "pak"]


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("de-AT", "Bestellung", "Bestellungen"),
        ("fr", "remboursement", "remboursements"),
        ("es_MX", "devolver", "devolvemos"),
        ("ru", "возврат", "возвраты"),
    ],
)
def test_forms_of_a_word_meet_in_its_own_language(locale: str, one: str, other: str) -> None:
    assert terms_of(one, locale=locale) == terms_of(other, locale=locale)


def test_word_stays_as_it_is_when_the_language_has_no_stemmer() -> None:
    assert terms_of("Palautukset ehdot", locale="xx") == ["palautukset", "ehdot"]


def test_english_stop_words_stay_in_another_language() -> None:
    assert terms_of("die was", locale="de") == ["die", "was"]


def test_term_is_cut_to_the_column() -> None:
    assert [len(term) for term in terms_of("x" * 500)] == [MAX_TERM_CHARACTERS]


def test_word_longer_than_a_term_is_not_kept() -> None:
    before = _kept_stem.cache_info().misses
    terms_of(f"{'y' * (MAX_TERM_CHARACTERS + 1)} {'z' * 4_000}")
    assert _kept_stem.cache_info().misses == before
    terms_of("x" * MAX_TERM_CHARACTERS)
    assert _kept_stem.cache_info().misses == before + 1


def test_stems_are_right_when_threads_share_the_stemmer() -> None:
    words = [f"{'ab' * (1 + number % 7)}{'cdefgh'[number % 6]}ings" for number in range(600)]
    alone = {word: _stem(word, "en") for word in words}
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads change places in the middle of a word
    try:
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda word: _stem(word, "en"), words))
    finally:
        sys.setswitchinterval(interval)
    assert together == [alone[word] for word in words]


def test_stop_words_are_kept_when_labels_are_compared() -> None:
    assert all_terms_of("Where is my order?") == {"where", "is", "my", "order"}
