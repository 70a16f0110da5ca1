"""Imports are rows that outlive their workers: claimed once, taken up again, ended once."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from conversations.models import Site
from core.errors import BadInput, Conflict
from knowledge import import_runs, importing, imports
from knowledge.import_runs import run_import
from knowledge.import_tasks import run_import_task, tend_imports_task
from knowledge.importers.content import ArticleFile, Batch, Part, Reading
from knowledge.imports import (
    claim_run,
    open_run,
    request_due_imports,
    request_import,
    set_recrawl,
    tend_runs,
)
from knowledge.models import Article, ImportRun, Source
from knowledge.services import ArticleContent
from tests.knowledge.import_files import zip_file


@pytest.fixture
def source(site: Site) -> Source:
    return Source.objects.create(site=site, kind=Source.Kind.UPLOAD, location="Files")


@pytest.fixture
def website(site: Site) -> Source:
    return Source.objects.create(
        site=site, kind=Source.Kind.WEBSITE, location="https://help.example/"
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The imports that were handed to the workers."""
    ids: list[int] = []
    monkeypatch.setattr(run_import_task, "apply_async", lambda args, **_: ids.append(args[0]))
    return ids


def upload(source: Source, files: dict[str, str | bytes]) -> ImportRun:
    return open_run(source, upload=zip_file(files), upload_name="files.zip")


def part(name: str, then: Callable[[], None] = lambda: None) -> Part:
    def load() -> Reading:
        then()
        return Reading([ArticleFile(name, ArticleContent(name, "text"))])

    return Part(name, load)


def batch(monkeypatch: pytest.MonkeyPatch, *parts: Part) -> None:
    monkeypatch.setattr(import_runs, "batch_of", lambda run: Batch(list(parts)))
    monkeypatch.setattr(import_runs, "SAVE_SECONDS", 0)


def lapse(run: ImportRun) -> None:
    """Let the lease of a killed worker end."""
    ImportRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_upload_is_read_and_emptied(source: Source) -> None:
    run = upload(source, {"a.md": "# A\none", "b.md": "no title", "c.csv": "Q?,A\nR?,B"})
    run_import_task(run.pk)
    run.refresh_from_db()
    assert (run.state, run.upload, run.total, run.done) == ("done", None, 4, 4)
    assert (run.created, run.changed, run.unchanged, run.unpublished) == (3, 0, 0, 0)
    assert set(run.errors) == {"b.md"}
    assert run.finished_at
    origins = set(Article.objects.values_list("origin", flat=True))
    assert origins == {"a.md", "c.csv # q", "c.csv # r"}
    run_import_task(run.pk)
    assert ImportRun.objects.get().finished_at == run.finished_at


def test_second_upload_adds_and_takes_nothing_away(source: Source) -> None:
    run_import(upload(source, {"a.md": "# A\none"}).pk)
    run_import(upload(source, {"b.md": "# B\ntwo"}).pk)
    assert Article.objects.filter(is_published=True).count() == 2
    assert ImportRun.objects.latest("pk").errors == {}


def test_broken_upload_ends_with_the_reason(source: Source) -> None:
    run = open_run(source, upload=b"PK nonsense", upload_name="x.zip")
    run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.upload) == ("failed", None)
    assert run.errors == {"": "the file is not a ZIP archive."}


def test_reader_that_stumbles_spoils_one_file_only(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble() -> None:
        raise RecursionError

    batch(monkeypatch, part("a"), part("b", stumble), part("c"))
    run = open_run(source)
    run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.created) == ("done", 2)
    assert run.errors == {"b": "it can't be read (RecursionError)."}


def test_progress_is_seen_while_it_runs(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int | None, int]] = []

    def look() -> None:
        row = ImportRun.objects.get()
        assert row.lease_until > timezone.now() + timedelta(minutes=4)
        seen.append((row.done, row.total, row.created))

    batch(monkeypatch, part("a", look), part("b", look), part("c", look))
    run_import(open_run(source).pk)
    assert seen == [(0, 3, 0), (1, 3, 1), (2, 3, 2)]


def test_one_import_of_a_source_at_a_time(source: Source) -> None:
    run = upload(source, {"a.md": "# A\none"})
    with pytest.raises(Conflict):
        upload(source, {"a.md": "# A\none"})
    run_import(run.pk)
    upload(source, {"a.md": "# A\none"})


def test_claim_is_won_once_until_the_lease_ends(source: Source) -> None:
    run = upload(source, {"a.md": "# A\none"})
    assert claim_run(run.pk)
    assert claim_run(run.pk) is None
    assert run_import(run.pk) is None
    lapse(run)
    assert claim_run(run.pk)


def test_killed_workers_import_is_taken_up_again(
    source: Source, monkeypatch: pytest.MonkeyPatch, sent: list[int]
) -> None:
    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    batch(monkeypatch, part("a"), part("b"), part("c", die))
    run = open_run(source)
    with pytest.raises(Killed):
        run_import(run.pk)
    assert tend_runs() == 0
    lapse(run)
    assert tend_runs() == 1
    assert sent == [run.pk]
    batch(monkeypatch, part("a"), part("b"), part("c"))
    run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.created, run.unchanged, run.done) == ("done", 3, 0, 3)
    assert Article.objects.count() == 3


def test_superseded_worker_stops_and_leaves_the_row_alone(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(source)

    def lose() -> None:
        lapse(run)
        assert claim_run(run.pk)

    never = part("c", lambda: pytest.fail("it went on"))
    batch(monkeypatch, part("a"), part("b", lose), never)
    assert run_import(run.pk) is None
    run.refresh_from_db()
    assert (run.state, run.done) == ("running", 1)


def test_error_of_ours_ends_the_import(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_runs, "import_batch", lambda *_, **__: 1 / 0)
    run = upload(source, {"a.md": "# A\none"})
    with pytest.raises(ZeroDivisionError):
        run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.upload) == ("failed", None)


def test_broker_that_is_away_is_asked_once(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        importing, "request_indexing", lambda ids, **options: asked.append(ids) or 0
    )
    run_import(upload(source, {"a.md": "# A\none", "b.md": "# B\ntwo"}).pk)
    assert len(asked) == 1


def test_errors_kept_in_the_row_are_bounded(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise BadInput("x" * 1_000)

    batch(monkeypatch, part("fine"), *(part(f"{at}", refuse) for at in range(250)))
    run = open_run(source)
    run_import(run.pk)
    run.refresh_from_db()
    assert len(run.errors) == import_runs.MAX_ERRORS + 1
    assert run.errors["\u2026"] == "and 50 more."
    assert len(run.errors["0"]) == import_runs.MAX_ERROR_CHARACTERS


def test_request_is_sent_once_it_is_committed(
    website: Source, sent: list[int], django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = request_import(website)
        assert sent == []
    assert sent == [run.pk]


def test_lost_task_is_sent_again(website: Source, sent: list[int]) -> None:
    run = open_run(website)
    assert tend_runs() == 0
    ImportRun.objects.update(created_at=timezone.now() - imports.LOST_AFTER)
    assert tend_runs() == 1
    assert sent == [run.pk]


def test_command_that_is_stopped_says_so(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    batch(monkeypatch, part("a"), part("b", stop))
    run = open_run(source)
    with pytest.raises(KeyboardInterrupt):
        run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.errors) == ("failed", {"": import_runs.STOPPED})


def test_import_that_never_ends_is_given_up(website: Source, sent: list[int]) -> None:
    run = open_run(website)
    claim_run(run.pk)
    lapse(run)
    ImportRun.objects.update(created_at=timezone.now() - imports.GIVE_UP_AFTER)
    assert tend_runs() == 0
    run.refresh_from_db()
    assert (run.state, run.errors) == ("failed", {"": imports.GIVEN_UP})


def test_folder_is_not_taken_up_by_workers_who_may_not_have_it(site: Site, sent: list[int]) -> None:
    folder = Source.objects.create(site=site, kind=Source.Kind.FOLDER, location="/nowhere")
    run = open_run(folder)
    claim_run(run.pk)
    lapse(run)
    assert (tend_runs(), sent) == (0, [])
    run.refresh_from_db()
    assert run.errors == {"": imports.INTERRUPTED}


@pytest.fixture
def due(website: Source) -> Iterator[Source]:
    set_recrawl(website, hours=6)
    website.next_crawl_at = timezone.now() - timedelta(seconds=1)
    website.save()
    return website


@pytest.mark.usefixtures("sent")
def test_due_source_is_read_and_moves_on(due: Source) -> None:
    assert request_due_imports() == 1
    assert request_due_imports() == 0
    due.refresh_from_db()
    assert timedelta(hours=5) < due.next_crawl_at - timezone.now() <= timedelta(hours=6)
    assert ImportRun.objects.get().source == due


@pytest.mark.usefixtures("sent")
def test_two_schedulers_open_one_import(due: Source) -> None:
    """Both saw the source due; the second comes too late."""
    assert imports._claim_due(due)
    assert not imports._claim_due(due)
    assert ImportRun.objects.count() == 1


@pytest.mark.usefixtures("sent")
def test_source_that_is_being_read_is_left_to_its_next_time(due: Source) -> None:
    open_run(due)
    assert request_due_imports() == 0
    due.refresh_from_db()
    assert due.next_crawl_at > timezone.now()


def test_source_is_never_due_without_hours(due: Source) -> None:
    set_recrawl(due, hours=None)
    assert request_due_imports() == 0
    due.refresh_from_db()
    assert due.next_crawl_at is None


def test_workers_find_the_tasks_that_the_schedule_names() -> None:
    """In a process of its own: here they are imported by hand."""
    script = (
        "from supportbot.celery import app; app.loader.import_default_modules(); "
        "print(*app.tasks); print(*(one['task'] for one in app.conf.beat_schedule.values()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    known, scheduled = (set(line.split()) for line in done.stdout.splitlines()[-2:])
    assert {tend_imports_task.name, run_import_task.name} <= known
    assert tend_imports_task.name in scheduled


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("b.md", "---\nslug: b\0b\n---\n# B\n\nText.", "b.md"),
        ("b.csv", "question,answer,slug\nQ?,A.,b\0b\n", "b.csv # b\ufffdb"),
        ("b.md", "---\nupdated: 9999-12-31T23:59:59-14:00\n---\n# B\n\nText.", "b.md"),
        ("b.md", "---\nupdated: 0001-01-01T00:00:00+14:00\n---\n# B\n\nText.", "b.md"),
    ],
    ids=["slug", "row", "last day", "first day"],
)
def test_what_cannot_be_stored_is_told_and_the_rest_goes_on(
    source: Source, name: str, text: str, told: str
) -> None:
    run = upload(source, {name: text, "good.md": "# Good\n\nText."})
    run_import(run.pk, now=True)
    run.refresh_from_db()
    assert (run.state, list(run.errors)) == (ImportRun.State.DONE, [told])
    assert [article.slug for article in Article.objects.all()] == ["good"]


def test_article_that_the_database_refuses_does_not_cost_the_others(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad() -> Reading:
        return Reading([ArticleFile("bad", ArticleContent("bad", "text", audience="public"))])

    def store(self: object, file: ArticleFile, **values: object) -> object:
        if file.slug == "bad":
            Article.objects.filter(slug="a\0b").exists()
        return kept(self, file, **values)

    kept = importing._Import._saved
    monkeypatch.setattr(importing._Import, "_saved", store)
    batch = Batch([Part("bad", bad), part("good")])
    result = importing.import_batch(source.site, batch=batch, source=source)
    assert (result.created, list(result.errors)) == (["good"], ["bad"])


def test_file_whose_name_is_no_text_is_imported(site: Site, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"tents-\xff.html")).write_text("<h1>Tents</h1><p>Text.</p>")
    (tmp_path / os.fsdecode(b"broken-\xff.pdf")).write_bytes(b"none")
    folder = Source.objects.create(site=site, kind=Source.Kind.FOLDER, location=str(tmp_path))
    run = open_run(folder)
    run_import(run.pk, now=True)
    run.refresh_from_db()
    assert (run.state, list(run.errors)) == (ImportRun.State.DONE, ["broken-\ufffd.pdf"])
    assert Article.objects.get().origin == "tents-\ufffd.html"
