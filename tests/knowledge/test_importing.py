"""Folders of Markdown become articles."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from conversations.models import Site
from core.errors import BadInput
from knowledge.importing import import_markdown_folder, parse_article_file
from knowledge.models import Article
from knowledge.retrieval import retrieve

FULL = """---
slug: care-of-boots
title: "Care of boots: wax"
locale: en
tags: boots, wax
updated: 2026-01-31
---
# Care of boots: wax

Wax them.
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))


def test_front_matter_is_read() -> None:
    parsed = parse_article_file(FULL, stem="file", locale="de")
    assert parsed.slug == "care-of-boots"
    assert parsed.content.title == "Care of boots: wax"
    assert parsed.content.body == "Wax them."
    assert parsed.content.locale == "en"
    assert parsed.content.tags == ("boots", "wax")
    assert parsed.content.updated_at == datetime(2026, 1, 31, tzinfo=UTC)


def test_name_and_heading_serve_when_there_is_no_front_matter() -> None:
    parsed = parse_article_file("\ufeff# Boots #\r\n\r\nWax them.", stem="boots", locale="de")
    assert (parsed.slug, parsed.content.title, parsed.content.locale) == ("boots", "Boots", "de")
    assert parsed.content.body == "Wax them."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no heading", "no title"),
        ("---\ntitle: x\n", "does not end"),
        ("---\ntitle x\n---\n", "line 2"),
        ("---\ntitle: x\ncolour: red\n---\n", "line 3"),
        ("---\ntitle: x\nupdated: soon\n---\n", "'soon' is not a date"),
    ],
)
def test_file_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        parse_article_file(text, stem="file", locale="en")


def test_import_goes_on_after_bad_files(site: Site, tmp_path: Path) -> None:
    bad = {
        "bad/latin.md": "# Caf\udce9\ntext",
        "bad/slug.md": "---\nslug: a b\ntitle: x\n---\ntext",
        "bad/empty.md": "# Only a title",
        "second.md": "---\nslug: care-of-boots\n---\n# Other boots\nx",
    }
    write(tmp_path, {"a.md": FULL, "z.md": "# Socks\nwool", "notes.txt": "no", **bad})
    result = import_markdown_folder(site, path=tmp_path, now=True)
    assert result.created == ["a.md", "z.md"]
    assert set(result.errors) == set(bad)
    assert "UTF-8" in result.errors["bad/latin.md"]
    assert "slug" in result.errors["bad/slug.md"]
    assert "is the one of a.md" in result.errors["second.md"]
    assert "body is empty" in result.errors["bad/empty.md"]
    assert {one.slug for one in Article.objects.all()} == {"care-of-boots", "z"}
    assert retrieve(site.pk, "wax").best is not None


def test_importing_again_changes_only_what_changed(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": FULL, "z.md": "# Socks\nwool"})
    import_markdown_folder(site, path=tmp_path, now=True)
    before = {one.slug: (one.version, one.updated_at) for one in Article.objects.all()}
    again = import_markdown_folder(site, path=tmp_path, now=True)
    assert (again.created, again.changed, again.unchanged) == ([], [], ["a.md", "z.md"])
    assert {one.slug: (one.version, one.updated_at) for one in Article.objects.all()} == before
    write(tmp_path, {"z.md": "# Socks\ncotton"})
    third = import_markdown_folder(site, path=tmp_path, now=True)
    assert (third.changed, third.unchanged) == (["z.md"], ["a.md"])
    assert before["care-of-boots"] == (1, datetime(2026, 1, 31, tzinfo=UTC))
    assert {one.slug: one.version for one in Article.objects.all()} == {"care-of-boots": 1, "z": 2}
    assert retrieve(site.pk, "wool").best is None


def test_command_tells_what_it_did(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": FULL, "bad.md": "no title"})
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 files were refused"):
        call_command("import_articles", "shop", str(tmp_path), "--now", stdout=out, stderr=err)
    assert out.getvalue() == "1 created, 0 changed, 0 unchanged\n"
    assert err.getvalue().startswith("bad.md: no title")


@pytest.mark.parametrize("arguments", [("nowhere", "."), ("shop", "/nonexistent")])
def test_command_refuses_what_is_not_there(site: Site, arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("import_articles", *arguments)
