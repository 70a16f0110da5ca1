"""Folders of files become articles, and again only where they changed."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from conversations.models import Site
from core.errors import BadInput
from knowledge.importers.content import Defaults
from knowledge.importers.markdown import parse_article_file
from knowledge.importing import import_markdown_folder
from knowledge.models import Article, Audience, ImportRun, Source
from knowledge.retrieval import retrieve
from knowledge.services import ArticleContent, save_article, unpublish_articles

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


def run_command(place: object, *options: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    arguments = ("import_articles", "shop", str(place), "--now", *map(str, options))
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
    return out.getvalue().strip(), err.getvalue()


def published() -> set[str]:
    return set(Article.objects.filter(is_published=True).values_list("slug", flat=True))


def test_front_matter_is_read() -> None:
    parsed = parse_article_file(FULL, stem="file", defaults=Defaults("de"))
    assert parsed.slug == "care-of-boots"
    assert parsed.content.title == "Care of boots: wax"
    assert parsed.content.body == "Wax them."
    assert parsed.content.locale == "en"
    assert parsed.content.tags == ("boots", "wax")
    assert parsed.content.updated_at == datetime(2026, 1, 31, tzinfo=UTC)
    assert parsed.content.audience == Audience.PUBLIC


def test_name_and_heading_serve_when_there_is_no_front_matter() -> None:
    text = "\ufeff# Boots #\r\n\r\nWax them."
    parsed = parse_article_file(text, stem="boots", defaults=Defaults("de"))
    assert (parsed.slug, parsed.content.title, parsed.content.locale) == ("boots", "Boots", "de")
    assert parsed.content.body == "Wax them."


@pytest.mark.parametrize(
    ("given", "source", "expected"),
    [
        ("", "public", "public"),
        ("", "internal", "internal"),
        ("internal", "public", "internal"),
        ("public", "internal", "internal"),
    ],
)
def test_file_may_close_and_never_opens(given: str, source: str, expected: str) -> None:
    text = f"---\ntitle: x\naudience: {given}\n---\ntext"
    parsed = parse_article_file(text, stem="x", defaults=Defaults("en", source))
    assert parsed.content.audience == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no heading", "no title"),
        ("---\ntitle: x\n", "does not end"),
        ("---\ntitle x\n---\n", "line 2"),
        ("---\ntitle: x\ncolour: red\n---\n", "line 3"),
        ("---\ntitle: x\nupdated: soon\n---\n", "'soon' is not a date"),
        ("---\ntitle: x\naudience: all\n---\n", "audience: expected one of"),
    ],
)
def test_file_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        parse_article_file(text, stem="file", defaults=Defaults("en"))


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
    assert published() == {"care-of-boots", "z"}
    assert retrieve(site.pk, "wax").passages


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


def test_command_tells_what_it_did(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": FULL, "bad.md": "no title"})
    out, err = run_command(tmp_path, "--audience", "internal", "--locale", "de")
    assert out == "1 created, 0 changed, 0 unchanged, 0 unpublished"
    assert err.startswith("bad.md: no title")
    assert err.endswith("1 errors")
    article = Article.objects.get()
    assert (article.source.kind, article.origin) == ("folder", "a.md")
    assert (article.audience, article.indexed_version) == ("internal", 1)
    run = ImportRun.objects.get()
    assert (run.state, run.created, run.done, run.total) == ("done", 1, 2, 2)
    assert set(run.errors) == {"bad.md"}


@pytest.mark.parametrize("arguments", [("nowhere", "."), ("shop", "/nonexistent")])
def test_command_refuses_what_is_not_there(site: Site, arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("import_articles", *arguments)


def test_command_plans_no_second_reading_of_a_folder(site: Site, tmp_path: Path) -> None:
    assert "for websites" in run_command(tmp_path, "--recrawl-hours", 3)[1]


def test_vanished_file_is_unpublished_and_comes_back(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A\none", "b.md": "# B\ntwo"})
    run_command(tmp_path)
    (tmp_path / "b.md").unlink()
    assert run_command(tmp_path)[0] == "0 created, 0 changed, 1 unchanged, 1 unpublished"
    assert published() == {"a"}
    assert run_command(tmp_path)[0].endswith("0 unpublished")
    write(tmp_path, {"b.md": "# B\ntwo"})
    assert run_command(tmp_path)[0] == "0 created, 1 changed, 1 unchanged, 0 unpublished"
    assert published() == {"a", "b"}
    assert Article.objects.get(slug="b").version == 1


def test_what_a_person_unpublished_stays_so(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A\none", "b.md": "# B\ntwo"})
    run_command(tmp_path)
    unpublish_articles([Article.objects.get(slug="b").pk])
    (tmp_path / "b.md").unlink()
    run_command(tmp_path)
    write(tmp_path, {"b.md": "# B\nnew"})
    run_command(tmp_path)
    assert published() == {"a"}
    assert Article.objects.get(slug="b").body == "new"


def test_broken_file_keeps_its_article(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A\none", "b.md": "# B\ntwo"})
    run_command(tmp_path)
    write(tmp_path, {"b.md": "no title any more"})
    assert "b.md: no title" in run_command(tmp_path)[1]
    assert published() == {"a", "b"}


def test_empty_folder_takes_nothing_away(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A\none"})
    run_command(tmp_path)
    (tmp_path / "a.md").unlink()
    assert "Nothing could be read" in run_command(tmp_path)[1]
    assert published() == {"a"}
    assert ImportRun.objects.latest("pk").state == ImportRun.State.FAILED


def test_link_does_not_lead_out_of_the_folder(site: Site, tmp_path: Path) -> None:
    write(tmp_path, {"in/a.md": "# A\none", "secret.md": "# Secret\nhidden"})
    (tmp_path / "in/b.md").symlink_to(tmp_path / "secret.md")
    run_command(tmp_path / "in")
    assert published() == {"a"}


def test_edit_by_hand_is_kept_until_the_source_changes(
    site: Site, tmp_path: Path, agent: User
) -> None:
    write(tmp_path, {"a.md": "# A\none"})
    run_command(tmp_path)
    save_article(site, slug="a", content=ArticleContent("A", "better"), changed_by=agent)
    assert run_command(tmp_path)[0].startswith("0 created, 0 changed, 1 unchanged")
    assert Article.objects.get().body == "better"
    write(tmp_path, {"a.md": "# A\ntwo"})
    assert run_command(tmp_path)[0].startswith("0 created, 1 changed")
    article = Article.objects.get()
    assert article.body == "two"
    assert [one.body for one in article.versions.order_by("number")] == ["one", "better", "two"]


def test_article_closed_by_hand_is_not_opened_again(
    site: Site, tmp_path: Path, agent: User
) -> None:
    write(tmp_path, {"a.md": "# A\none"})
    run_command(tmp_path)
    content = ArticleContent("A", "one", audience=Audience.INTERNAL)
    save_article(site, slug="a", content=content, changed_by=agent)
    run_command(tmp_path)
    write(tmp_path, {"a.md": "# A\ntwo"})
    run_command(tmp_path)
    assert (Article.objects.get().body, Article.objects.get().audience) == ("two", "internal")


def test_folder_takes_over_what_it_holds_and_leaves_other_sources_alone(
    site: Site, tmp_path: Path
) -> None:
    upload = Source.objects.create(site=site, kind=Source.Kind.UPLOAD, location="Files")
    save_article(site, slug="a", content=ArticleContent("A", "by hand"))
    save_article(site, slug="b", content=ArticleContent("B", "uploaded"), source=upload, origin="b")
    write(tmp_path, {"a.md": "# A\none", "b.md": "# B\ntwo"})
    out, err = run_command(tmp_path)
    assert out.startswith("0 created, 1 changed")
    assert "does not come from here" in err
    assert {one.slug: one.body for one in Article.objects.all()} == {"a": "one", "b": "uploaded"}
