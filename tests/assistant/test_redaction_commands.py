"""The commands that redact standard input and that measure how well it works."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from assistant.management.commands import bench_redaction


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run ``redact`` on bytes; return what it writes on both streams, and its error."""

    def redact(given: bytes, *options: str) -> tuple[str, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        written, complaints, error = io.StringIO(), io.StringIO(), ""
        try:
            call_command("redact", *options, stdout=written, stderr=complaints)
        except CommandError as raised:
            error = str(raised)
        return written.getvalue(), complaints.getvalue(), error

    return redact


def test_redact_when_lines_are_json(run: Any) -> None:
    lines = [{"text": "🙂 a@example.com a@example.com"}, {"text": "nothing", "id": 7}]

    written, complaints, error = run("\n".join(map(json.dumps, lines)).encode(), "--json")

    assert [json.loads(line) for line in written.splitlines()] == [
        {
            "text": "🙂 <EMAIL_1> <EMAIL_1>",
            "spans": [
                {"type": "EMAIL", "start": 2, "end": 15},
                {"type": "EMAIL", "start": 16, "end": 29},
            ],
        },
        {"text": "nothing", "spans": []},
    ]
    assert (complaints, error) == ("", "")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"{", "no JSON"),
        (b'{"text": 5}', "no object"),
        (b"[]", "no object"),
        (b'{"text": "\xff"}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_redact_when_a_line_is_bad_does_the_others(run: Any, bad: bytes, why: str) -> None:
    given = b'{"text": "a@example.com"}\n' + bad + b'\n\n{"text": "b@example.com"}\n'

    written, complaints, error = run(given, "--json")

    assert [json.loads(line)["text"] for line in written.splitlines()] == ["<EMAIL_1>"] * 2
    assert complaints.startswith("line 2: ")
    assert why in complaints
    assert error == "1 line(s) could not be read"


def test_redact_when_the_text_is_plain(run: Any) -> None:
    given = b"one a@example.com\ntwo 612 34 56 78\n12 Mill Lane\n"

    written, _, error = run(given, "--locale", "es", "--pattern", r"\d+ \w+ lane")

    assert written == "one <EMAIL_1>\ntwo <PHONE_1>\n<ADDRESS_1>\n"
    assert error == ""


def test_redact_when_nothing_is_configured() -> None:
    settings = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SUPPORTBOT_TESTING")
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith(settings)
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "redact", "--json"],
        input='{"text": "a@example.com"}\n[]\n',
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )

    assert json.loads(done.stdout)["text"] == "<EMAIL_1>"
    assert "line 2: " in done.stderr
    assert done.returncode == 1


def test_redact_when_a_pattern_is_malformed(run: Any) -> None:
    assert "regular expression" in run(b"", "--pattern", "(")[2]


def write_corpus(folder: Path, *, start: int) -> Path:
    text = "mail a@example.com and call +44 7700 900123"
    spans = [
        {"type": "EMAIL_ADDRESS", "start": start, "end": 18},
        {"type": "PHONE_NUMBER", "start": 28, "end": 43},
        {"type": "PERSON", "start": 0, "end": 4},
    ]
    (folder / "pii_spans.json").write_text(json.dumps([{"text": text, "spans": spans}]))
    return folder


def measure(folder: Path, *options: str) -> tuple[str, str]:
    written, error = io.StringIO(), ""
    try:
        call_command("bench_redaction", "--data", str(folder), *options, stdout=written)
    except CommandError as raised:
        error = str(raised)
    return written.getvalue(), error


def test_bench_redaction_counts_only_exact_spans(tmp_path: Path) -> None:
    written, error = measure(write_corpus(tmp_path, start=4), "--json")

    types = json.loads(written)["types"]
    assert types["EMAIL"] == {
        "found": 0, "missed": 1, "wrong": 1, "recall": 0.0, "precision": 0.0
    }  # fmt: skip
    assert types["PHONE"]["recall"] == types["PHONE"]["precision"] == 1.0
    assert json.loads(written)["mistakes"] == [["missed", "EMAIL", 0], ["wrong", "EMAIL", 0]]
    # What the corpus holds nothing of is not met either.
    assert error == "below the targets: EMAIL, CARD, IBAN, IP"


def test_bench_redaction_when_asked_writes_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_redaction, "PAGE", tmp_path / "page.md")

    written, _ = measure(write_corpus(tmp_path, start=5), "--write")

    assert "| EMAIL | 1 | 1 | 0 | 0 | 100.0% | 100.0% |" in written
    assert written in (tmp_path / "page.md").read_text() + "\n"


def test_bench_redaction_when_the_data_is_absent_or_wrong(tmp_path: Path) -> None:
    assert "pii_spans.json is absent" in measure(tmp_path)[1]
    (tmp_path / "pii_spans.json").write_text('[{"text": 1}]')
    assert "no list of texts" in measure(tmp_path)[1]
