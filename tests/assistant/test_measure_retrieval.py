"""The command that measures retrieval."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from conversations.models import Site
from knowledge.models import Article

KNOWLEDGE = {
    "articles": [
        {"id": 0, "title": "Return an order", "body": "Send it back within thirty days."},
        {"id": 1, "title": "Wash a down jacket", "body": "Cold water and a mild soap."},
    ],
    "questions": [{"text": "how to wash my down jacket", "articles": [1]}],
}
INTENTS = {"oos_train": [["who invented jazz", "oos"]], "oos_val": []}


def test_public_sets_are_measured_and_leave_nothing_behind(db: None, tmp_path: Path) -> None:
    for name in ("stackfaq", "claudedocs"):
        (tmp_path / f"kb_{name}.json").write_text(json.dumps(KNOWLEDGE), encoding="utf-8")
    (tmp_path / "intents_clinc150.json").write_text(json.dumps(INTENTS), encoding="utf-8")
    out = StringIO()
    call_command("measure_retrieval", "--data", str(tmp_path), "--misses", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["stackfaq", "claudedocs"]
    assert "R@1 1.000" in lines[0]
    assert "1 without one: handed off 100.0%" in lines[0]
    assert not Site.objects.exists()
    assert not Article.objects.exists()


@pytest.mark.parametrize("arguments", [(), ("--data", "/nonexistent")])
def test_command_says_what_is_missing(db: None, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("measure_retrieval", *arguments)
