"""Questions with expectations: the demo's against their baselines, the marks, the exit statuses."""

import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from assistant.drafts import Citation, Composed, Draft
from assistant.evaluation.cases import Case, Expected, read_cases
from assistant.evaluation.comparing import Summary, compare, read_baseline, summarise
from assistant.evaluation.demo import make_demo_site
from assistant.evaluation.judging import Mark, Result, judge
from assistant.planning import Answer, AskBack, PassOn, Say
from assistant.reading import Reading
from conversations.models import Conversation, Site
from core.errors import BadInput
from escalation.defaults import ensure_rules
from escalation.models import HandOff
from knowledge.retrieval import Retrieval
from llm.replaying import read_recordings

DEMO: Path = settings.BASE_DIR / "knowledge" / "demo"
RETURNS = {"question": "How many days do I have to return unused items?", "articles": ["returns"]}


def composed(text: str, *titles: str) -> Composed:
    """Return an answer with its citations."""
    reading = Reading(Conversation(), "?", (), None, "en")
    plan = Answer(reading, "?", Retrieval(), judgement=None, looked_up="?")  # type: ignore[arg-type]
    cited = tuple(Citation(title=title, url="", quote="") for title in titles)
    return Composed(plan, Draft(text=text, citations=cited))


def mark_of(case: Case, outcome: Composed) -> tuple[Mark, str]:
    result = judge(case, outcome, slugs={"Returns": "returns"}, seconds=0.1)
    return result.mark, result.why


def summary_of(**marks: Mark) -> Summary:
    results = [
        Result(Case(question=name), Expected.ANSWER, mark, seconds=1.0)
        for name, mark in marks.items()
    ]
    return summarise(results)


def test_answer_when_it_cites_and_says_what_is_expected_is_right() -> None:
    case = Case(question="?", articles=("returns",), must_say=("30 DAYS",))
    assert mark_of(case, composed("You have 30 days.", "Returns")) == (Mark.RIGHT, "")


@pytest.mark.parametrize(
    ("fields", "text", "why"),
    [
        ({"articles": ("shipping",)}, "30 days", "cites Returns"),
        ({"must_say": ("60 days",)}, "30 days", "does not say '60 days'"),
        ({"must_not_say": ("30 days",)}, "30 days", "says '30 days'"),
        ({"expect": "hand_off"}, "30 days", "expected hand_off, got answer"),
    ],
)
def test_answer_when_it_is_not_what_is_expected_is_wrong(
    fields: dict[str, Any], text: str, why: str
) -> None:
    assert mark_of(Case(question="?", **fields), composed(text, "Returns")) == (Mark.WRONG, why)


def test_outcomes_when_no_answer_was_given_are_told_apart() -> None:
    case, smalltalk = Case(question="?"), Case(question="?", expect=Expected.REPLY)
    outside = Case(question="?", expect=Expected.HAND_OFF)
    passed, asked = PassOn(HandOff.Reason.LOW_CONFIDENCE), AskBack("Which one?")
    assert mark_of(case, Composed(passed))[0] is Mark.HANDED_OFF
    assert mark_of(case, Composed(asked))[0] is Mark.ASKED_BACK
    assert mark_of(outside, Composed(asked))[0] is Mark.RIGHT
    assert mark_of(case, Composed(Say("Hello!")))[0] is Mark.WRONG
    assert mark_of(smalltalk, Composed(Say("Hello!")))[0] is Mark.RIGHT


def test_sums_when_results_differ_count_each_mark_and_the_times() -> None:
    summary = summary_of(a=Mark.RIGHT, b=Mark.WRONG, c=Mark.HANDED_OFF, d=Mark.ASKED_BACK)
    counts = (summary.right, summary.wrong, summary.handed_off, summary.asked_back)
    assert counts == (1, 1, 1, 1)
    assert (summary.seconds_p50, summary.seconds_p95) == (1.0, 1.0)


def test_comparison_when_questions_changed_names_each() -> None:
    before = summary_of(a=Mark.RIGHT, b=Mark.WRONG, c=Mark.ASKED_BACK)
    now = summary_of(a=Mark.HANDED_OFF, b=Mark.RIGHT, c=Mark.HANDED_OFF)
    changes = compare(now, before)
    assert changes.better == ("b: wrong -> right",)
    assert changes.worse == ("a: right -> handed_off",)
    assert changes.regressions == ("questions worse: 1, at most 0 may be",)


def test_comparison_when_within_the_tolerance_is_no_regression() -> None:
    before, now = summary_of(a=Mark.RIGHT, b=Mark.RIGHT), summary_of(a=Mark.RIGHT, b=Mark.WRONG)
    assert len(compare(now, before).regressions) == 2
    assert not compare(now, before, tolerance=1).regressions


def test_comparison_when_claims_are_unsupported_is_a_regression() -> None:
    before = summary_of(a=Mark.RIGHT)
    changes = compare(before.model_copy(update={"unsupported": 1}), before)
    assert changes.regressions == ("unsupported claims: 1, at most 0 may be",)


def test_comparison_when_the_questions_are_others_asks_for_a_new_baseline() -> None:
    changes = compare(summary_of(a=Mark.RIGHT), summary_of(b=Mark.RIGHT))
    assert "write a new one" in changes.regressions[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"question": "a"}\n{"question"', "file.jsonl:2: the line: Invalid JSON"),
        ('{"question": "a"}\n\n{"question": "b", "expct": "answer"}', "file.jsonl:3: expct: "),
        ('{"question": "a", "expect": "joy"}', "file.jsonl:1: expect: "),
        ("\n", "holds no question"),
        ('{"question": "a"}\n{"question": "a"}', "file.jsonl:2: the same question as in line 1"),
    ],
)
def test_command_when_the_file_is_bad_exits_with_2_and_names_the_line(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "file.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        call_command("evaluate", file)
    assert caught.value.returncode == 2
    assert message in str(caught.value)


@pytest.mark.parametrize("option", ["baseline", "replies"])
def test_command_when_another_file_is_missing_exits_with_2(tmp_path: Path, option: str) -> None:
    file = tmp_path / "file.jsonl"
    file.write_text('{"question": "a"}', encoding="utf-8")
    with pytest.raises(CommandError) as caught:
        call_command("evaluate", file, engine="replayed", **{option: tmp_path / "missing"})
    assert caught.value.returncode == 2


@pytest.fixture
def run(site: Site, articles: None, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Evaluate one question of the small site and return what was printed."""

    def evaluate(row: dict[str, Any], **options: Any) -> dict[str, Any]:
        file, out = tmp_path / "file.jsonl", StringIO()
        file.write_text(json.dumps(row), encoding="utf-8")
        call_command("evaluate", file, site="shop", json=True, stdout=out, **options)
        printed: dict[str, Any] = json.loads(out.getvalue())
        return printed

    return evaluate


@pytest.mark.django_db(transaction=True)
def test_command_when_it_became_worse_than_the_baseline_exits_with_1(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    printed = run(RETURNS, engine="extractive", write_baseline=baseline)
    assert printed["summary"]["right"] == 1
    assert printed["results"][0]["model"] == "extractive"
    assert not run(RETURNS, engine="extractive", baseline=baseline)["changes"]["worse"]
    worse = RETURNS | {"must_say": ["words that nobody says"]}
    with pytest.raises(CommandError, match="questions worse: 1") as caught:
        run(worse, engine="extractive", baseline=baseline)
    assert caught.value.returncode == 1
    assert run(worse, engine="extractive", baseline=baseline, tolerance=1)["changes"]["worse"]
    with pytest.raises(CommandError, match="1 wrong") as caught:
        run(worse, engine="extractive")
    assert caught.value.returncode == 1


def test_demo_when_shipped_has_sixty_questions_and_a_mark_for_each() -> None:
    asked = {case.question for case in read_cases(DEMO / "evaluation.jsonl")}
    assert len(asked) == 60
    for name in ("extractive", "replayed"):
        assert set(read_baseline(DEMO / "baselines" / f"{name}.json").marks) == asked


def test_replies_when_a_line_is_no_recording_are_refused_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_text('{"question": "a"}\n{"question": 1}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"replies.jsonl:2: "):
        read_recordings(file)


def test_cases_when_the_file_is_not_utf8_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(b'{"question": "\xff"}')
    with pytest.raises(BadInput, match="not UTF-8"):
        read_cases(file)


@pytest.mark.django_db(transaction=True)
def test_demo_questions_on_both_engines_are_not_worse_than_their_baselines() -> None:
    ensure_rules()
    make_demo_site()
    found = {}
    for name in ("extractive", "replayed"):
        out = StringIO()
        call_command(
            "evaluate",
            DEMO / "evaluation.jsonl",
            site="demo",
            engine=name,
            replies=DEMO / "replies.jsonl",
            baseline=DEMO / "baselines" / f"{name}.json",
            json=True,
            stdout=out,
        )
        found[name] = json.loads(out.getvalue())["results"]
    stopped = [kind for row in found["replayed"] for kind in row["stopped"]]
    assert sorted(stopped) == ["link", "personal", "promise", "ungrounded"]
    shown = "\n".join(row["text"] for row in found["replayed"])
    assert "$29.95" in shown
    for bad in ("$37", "refund you", "paula.grey", "harborandpine-orders"):
        assert bad not in shown


def test_demo_is_evaluated_in_a_database_that_is_gone_afterwards(db: None, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps({"question": "How long do I have to return something?"}))
    command = ["manage.py", "evaluate", str(file), "--demo", "--engine", "extractive", "--json"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        check=True,
        capture_output=True,
        timeout=300,
    )
    assert json.loads(done.stdout)["summary"]["cases"] == 1
