"""Measuring retrieval and confidence on files of articles and questions."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from assistant.benchmark.asking import Asked, Kind, ask_corpus, ask_smaller, fill
from assistant.benchmark.corpora import (
    Corpus,
    KnownArticle,
    KnownQuestion,
    intents_corpus,
    read_folder,
    read_knowledge_base,
)
from assistant.benchmark.judging import (
    ASSUMED,
    JUDGED,
    Group,
    abstention_figures,
    chances_of,
    fit_line,
    found_figures,
    mixed,
    scope_auroc,
    unseen_curve,
)
from assistant.benchmark.report import as_markdown, judge_all
from assistant.benchmark.shipping import write_weights
from assistant.confidence import features_of
from conversations.models import Site
from core.errors import BadInput
from knowledge.models import Article
from knowledge.retrieval import Retrieval

SHOP = Corpus(
    name="shop",
    articles=[
        KnownArticle("r", "Returns", "You may return unused boots within thirty days."),
        KnownArticle("s", "Shipping", "A parcel takes three working days to arrive."),
        KnownArticle("g", "Gift cards", "A gift card never expires."),
    ],
    questions=[
        KnownQuestion("How long may I return boots?", frozenset("r")),
        KnownQuestion("When does my parcel arrive?", frozenset("s")),
        KnownQuestion("Do you repair tents?"),
    ],
    far=["How tall is the tower of Pisa?"],
)


def asked(kind: Kind, score: float, *, rank: int | None = None) -> Asked:
    features = features_of(Retrieval()) | {"score": score, "peak": score / 2, "log_terms": 1.0}
    return Asked(kind, "?", features, rank, 1.0)


def group(name: str, *, worth: float = 1.0) -> Group:
    dice = np.random.default_rng(len(name))
    rows = [asked(Kind.ANSWERABLE, 0.6 + 0.2 * dice.random(), rank=1) for _ in range(60)]
    rows += [asked(Kind.ANSWERABLE, 0.3 + 0.2 * dice.random(), rank=3) for _ in range(5)]
    rows += [asked(Kind.REMOVED, 0.3 + 0.35 * dice.random()) for _ in range(60)]
    rows += [asked(Kind.FAR, 0.2 * dice.random()) for _ in range(40)]
    return Group(name, rows, worth)


def test_corpus_is_asked_whole_without_its_articles_and_far_from_them(site: Site) -> None:
    fill(site, articles=SHOP.articles)
    rows = ask_corpus(site, SHOP)
    kinds = [row.kind for row in rows]
    assert kinds == ["answerable", "answerable", "stray", "removed", "removed", "far"]
    assert [row.rank for row in rows[:2]] == [1, 1]
    assert all(row.rank is None for row in rows[2:])
    assert Article.objects.filter(site=site, is_published=True).count() == 3


def test_smaller_base_takes_a_part_of_the_articles_away_and_brings_them_back(site: Site) -> None:
    fill(site, articles=SHOP.articles)
    kinds = {row.kind for seed in range(6) for row in ask_smaller(site, SHOP, seed=seed)}
    assert {Kind.ANSWERABLE, Kind.REMOVED, Kind.FAR} <= kinds
    assert Article.objects.filter(site=site, is_published=True).count() == 3


def test_mix_gives_each_kind_its_share_whatever_their_numbers() -> None:
    rows = [asked(Kind.ANSWERABLE, 0.5)] * 3 + [asked(Kind.REMOVED, 0.1)] + [asked(Kind.FAR, 0)] * 2
    weights = mixed(rows, mix=JUDGED)
    assert weights[:3].sum() == pytest.approx(0.7)
    assert weights[4:].sum() == pytest.approx(0.15)


def test_mix_counts_a_stray_question_as_one_without_its_article() -> None:
    weights = mixed([asked(Kind.ANSWERABLE, 0.5), asked(Kind.STRAY, 0.5)], mix=JUDGED)
    assert weights.tolist() == pytest.approx([0.7 / 0.85, 0.15 / 0.85])


def test_found_figures_count_the_answerable_only() -> None:
    rows = [asked(Kind.ANSWERABLE, 1, rank=rank) for rank in (1, 2, None)] + [asked(Kind.FAR, 1)]
    means = {name: float(values.mean()) for name, values in found_figures(rows).items()}
    assert means == pytest.approx({"r1": 1 / 3, "r3": 2 / 3, "mrr": 0.5})


def test_abstention_figures_by_hand() -> None:
    rows = [asked(Kind.ANSWERABLE, 0.5, rank=1)] * 20 + [asked(Kind.REMOVED, 0.5)] * 20
    rows += [asked(Kind.FAR, 0.5)] * 20
    chances = np.array([0.9] * 10 + [0.4] * 10 + [0.8] * 4 + [0.1] * 16 + [0.05] * 20)
    everything = np.arange(len(rows))
    found = {
        name: statistic(everything)
        for name, statistic in abstention_figures(rows, chances, threshold=0.5).items()
    }
    assert found["removed_answered"] == pytest.approx(0.2)
    assert found["far_answered"] == 0.0
    assert found["answered"] == pytest.approx(0.7 / 2 + 0.15 / 5)
    assert found["wrong"] == pytest.approx(0.03 / 0.38)
    assert found["answered_at_5"] == pytest.approx(0.73)  # 0.03 of 0.73 are wrong
    # Of the wrong 0.3 only 0.03 stand above the lower half of the right.
    assert found["auroc_right"] == pytest.approx(1 - 0.5 * 0.03 / 0.3)


def test_weights_tell_what_is_right_in_a_corpus_they_have_not_seen() -> None:
    groups = [group("one"), group("other"), group("third", worth=0.5)]
    line = fit_line(groups[1:])
    rows = groups[0].asked
    assert scope_auroc(rows, chances_of(line, rows)) > 0.9
    assert line.weights["score"] > 0
    assert line.weights["is_foreign"] < 0


def test_curve_judges_each_corpus_by_weights_of_the_others() -> None:
    groups = [group("one"), group("other")]
    # Its labels are turned round: weights that had seen it would know.
    liar = Group("liar", [asked(one.kind, -one.features["score"]) for one in groups[0].asked])
    honest = unseen_curve(groups, corpora=["one", "other"])
    misled = unseen_curve([*groups, liar], corpora=["liar"])
    assert honest[-1].coverage == pytest.approx(1.0)
    assert honest[-1].risk == pytest.approx(1 - ASSUMED[Kind.ANSWERABLE] * 60 / 65)
    assert honest[0].risk < 0.1
    assert misled[0].risk > 0.5


def test_page_shows_every_corpus_with_its_interval() -> None:
    groups = [group("one"), group("other")]
    found = judge_all(groups, threshold=0.5)
    page = as_markdown(
        {
            "machine": {"commit": "0" * 40, "python": "3", "numpy": "2", "machine": "x"},
            "threshold": 0.5,
            "sizes": {name: {"articles": 3, "passages": 4} for name in found},
            "corpora": found,
        }
    )
    assert "| r1 | 0.923 (" in page
    assert found["one"]["r1"]["interval"].low < 60 / 65 < found["one"]["r1"]["interval"].high
    assert "Not measured in this run." in page


def test_written_weights_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.benchmark import shipping

    monkeypatch.setattr(shipping, "WEIGHTS", tmp_path / "weights.json")
    monkeypatch.setattr(shipping, "QUESTIONS", tmp_path / "questions.json")
    groups = [group("one"), group("other")]
    line = fit_line(groups)
    write_weights(line, unseen_curve(groups, corpora=["one", "other"]), demo=groups[0].asked)
    file = json.loads((tmp_path / "weights.json").read_text())
    assert file["weights"] == pytest.approx(line.weights, abs=1e-4)
    risks = [risk for _, _, risk in file["points"]]
    thresholds = [threshold for threshold, _, _ in file["points"]]
    assert risks == sorted(risks)
    assert thresholds == sorted(thresholds, reverse=True)
    questions = json.loads((tmp_path / "questions.json").read_text())
    assert len(questions) == 125  # those from far outside are nobody's of ours


def test_intents_make_an_article_of_the_known_questions() -> None:
    corpus = intents_corpus(
        "bot",
        train=[("hi", "greet"), ("hello", "greet"), ("x", "oos")],
        asked=[("hey", "greet"), ("pizza?", "NO_NODES_DETECTED")],
    )
    assert [(one.key, one.body) for one in corpus.articles] == [("greet", "hi\n\nhello")]
    assert [one.articles for one in corpus.questions] == [frozenset({"greet"}), frozenset()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the file"),
        ('{"articles": [], "questions": [{"text": "x"}]}', "questions.0.articles"),
        ('{"articles": 1, "questions": []}', "articles"),
    ],
)
def test_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "kb_bad.json"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_knowledge_base(path)
    assert str(path) in caught.value.detail
    assert said in caught.value.detail


def test_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="kb_"):
        read_folder(tmp_path)


def test_command_when_told_nothing_says_what_it_can_measure() -> None:
    with pytest.raises(CommandError, match="--kb FILE"):
        call_command("bench_knowledge")


@pytest.mark.django_db(transaction=True)
def test_command_prints_one_object_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kb_small.json"
    path.write_text(
        json.dumps(
            {
                "articles": [
                    {"id": number, "title": one.title, "body": one.body}
                    for number, one in enumerate(SHOP.articles)
                ],
                "questions": [{"text": one.text, "articles": [0]} for one in SHOP.questions[:1]],
            }
        )
    )
    out = StringIO()
    call_command("bench_knowledge", "--kb", str(path), "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert (found["articles"], found["questions"], found["r1"]) == (3, 1, 1.0)
    assert {"mrr", "auroc_right", "answered_at_10", "query_ms_p95", "rss_mb"} <= found.keys()
    assert not Site.objects.filter(key="small").exists()
