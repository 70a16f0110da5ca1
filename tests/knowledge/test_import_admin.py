"""Managers add websites, upload files and watch; others don't."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from conversations.models import Site
from knowledge import source_forms
from knowledge.import_runs import run_import
from knowledge.import_tasks import run_import_task
from knowledge.imports import claim_run, open_run
from knowledge.models import Article, ImportRun, Source
from tests.conftest import make_user
from tests.knowledge.import_files import zip_file

LIST = "/admin/knowledge/source/"
RUNS = "/admin/knowledge/importrun/"


@pytest.fixture
def manager(site: Site, client: Client) -> User:
    user = make_user("max", role="manager")
    client.force_login(user)
    return user


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The imports that were handed to the workers."""
    ids: list[int] = []
    monkeypatch.setattr(run_import_task, "apply_async", lambda args, **_: ids.append(args[0]))
    return ids


@pytest.fixture
def website(site: Site) -> Source:
    return Source.objects.create(site=site, kind="website", location="https://help.example/")


def form(site: Site, location: str, **values: object) -> dict[str, object]:
    return {"site": site.pk, "location": location, "locale": "", "audience": "public"} | values


def add_website(client: Client, site: Site, address: str, **values: object) -> object:
    return client.post(f"{LIST}add/?kind=website", form(site, address, **values), follow=True)


def upload(client: Client, site: Site, *files: tuple[str, bytes], name: str = "Manuals") -> object:
    given = [SimpleUploadedFile(*file) for file in files]
    return client.post(f"{LIST}add/?kind=upload", form(site, name, uploads=given), follow=True)


@pytest.mark.usefixtures("manager")
def test_website_is_added_and_read_at_once(
    site: Site,
    client: Client,
    sent: list[int],
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        page = add_website(client, site, "https://Help.Example/faq/#top", recrawl_hours=6)
    source = Source.objects.get()
    assert page.redirect_chain == [(f"{LIST}{source.pk}/change/", 302)]
    assert (source.kind, source.location) == ("website", "https://help.example/faq/")
    assert timedelta(hours=5) < source.next_crawl_at - timezone.now() <= timedelta(hours=6)
    run = ImportRun.objects.get()
    assert sent == [run.pk]
    assert (run.state, run.requested_by.username) == ("queued", "max")
    assert "Waiting for a worker" in page.content.decode()


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("file:///etc/passwd", "http:// or https://"),
        ("https://a@b.example/", "user name"),
        ("nonsense", "http:// or https://"),
    ],
)
def test_bad_address_is_refused_in_the_form(
    site: Site, client: Client, address: str, told: str
) -> None:
    page = add_website(client, site, address)
    assert told in page.content.decode()
    assert not Source.objects.exists()


@pytest.mark.usefixtures("manager")
def test_place_is_added_once(site: Site, client: Client, website: Source) -> None:
    page = add_website(client, site, "https://help.example/")
    assert "has this source already" in page.content.decode()
    assert Source.objects.count() == 1


@pytest.mark.usefixtures("manager")
def test_files_are_uploaded_together_and_read(site: Site, client: Client) -> None:
    page = upload(client, site, ("a.md", b"# A\none"), ("b.md", b"# B\ntwo"), ("a.md", b"# C\nx"))
    assert page.status_code == 200
    run = ImportRun.objects.get()
    assert (run.upload_name, run.source.kind) == ("3 files.zip", "upload")
    result = run_import(run.pk)
    assert set(result.created) == {"a.md", "b.md", "a-2.md"}
    assert set(Article.objects.values_list("title", flat=True)) == {"A", "B", "C"}


@pytest.mark.usefixtures("manager")
def test_file_is_uploaded_again(site: Site, client: Client) -> None:
    upload(client, site, ("a.md", b"# A\none"))
    run_import(ImportRun.objects.get().pk)
    source = Source.objects.get()
    values = {
        "locale": "",
        "audience": "internal",
        "uploads": SimpleUploadedFile("a.md", b"# A\n2"),
    }
    client.post(f"{LIST}{source.pk}/change/", values)
    run_import(ImportRun.objects.latest("pk").pk)
    article = Article.objects.get()
    assert (article.body, article.version, article.audience) == ("2", 2, "internal")


@pytest.mark.usefixtures("manager")
def test_uploads_are_bounded(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = ("x.zip", zip_file({"a.md": "# A\none"}))
    assert "by itself" in upload(client, site, archive, ("b.md", b"x")).content.decode()
    monkeypatch.setattr(source_forms, "MAX_UPLOAD_BYTES", 10)
    page = upload(client, site, ("a.md", b"123456"), ("b.md", b"123456"))
    assert "over 10 bytes" in page.content.decode()
    assert "This field is required" in upload(client, site).content.decode()
    assert not ImportRun.objects.exists()


@pytest.mark.usefixtures("manager")
def test_button_reads_again_and_says_when_it_is_under_way(client: Client, website: Source) -> None:
    page = client.post(f"{LIST}{website.pk}/import/", follow=True).content.decode()
    assert "has been started" in page
    assert "Import now" in page
    page = client.post(f"{LIST}{website.pk}/import/", follow=True).content.decode()
    assert "is under way" in page
    assert ImportRun.objects.count() == 1
    assert client.get(f"{LIST}{website.pk}/import/").status_code == 405


@pytest.mark.usefixtures("manager")
def test_progress_is_a_fragment_that_says_when_it_is_over(client: Client, website: Source) -> None:
    run = open_run(website)
    claim_run(run.pk)
    evil = "<script>alert(1)</script>"
    ImportRun.objects.update(total=8, done=3, created=2, errors={evil: evil})
    fragment = client.get(f"{LIST}{website.pk}/runs/").content.decode()
    assert 'data-fragment="runs"' in fragment
    assert "data-open" in fragment
    assert "3 of 8" in fragment
    assert "2 created" in fragment
    assert evil not in fragment
    assert fragment.count("&lt;script&gt;") == 2
    ImportRun.objects.update(state=ImportRun.State.DONE)
    assert "data-open" not in client.get(f"{LIST}{website.pk}/runs/").content.decode()
    page = client.get(f"{RUNS}{run.pk}/change/").content.decode()
    assert evil not in page
    assert client.get(RUNS).status_code == 200


@pytest.mark.usefixtures("manager")
def test_hours_are_changed_and_taken_away(client: Client, website: Source) -> None:
    values = {"locale": "de", "audience": "public", "recrawl_hours": "2"}
    client.post(f"{LIST}{website.pk}/change/", values)
    website.refresh_from_db()
    assert website.locale == "de"
    first = website.next_crawl_at
    assert first > timezone.now() + timedelta(hours=1)
    client.post(f"{LIST}{website.pk}/change/", values)
    website.refresh_from_db()
    assert website.next_crawl_at == first
    client.post(f"{LIST}{website.pk}/change/", values | {"recrawl_hours": ""})
    website.refresh_from_db()
    assert (website.recrawl_hours, website.next_crawl_at) == (None, None)
    assert not ImportRun.objects.exists()


@pytest.mark.usefixtures("manager")
def test_folders_of_the_server_are_not_for_the_admin(site: Site, client: Client) -> None:
    client.post(f"{LIST}add/?kind=folder", form(site, "/etc", kind="folder"))
    assert not Source.objects.exists()
    folder = Source.objects.create(site=site, kind="folder", location="/srv/help")
    assert client.post(f"{LIST}{folder.pk}/import/").status_code == 404
    page = client.get(f"{LIST}{folder.pk}/change/").content.decode()
    assert "Import now" not in page
    assert "manage.py import_articles" in page


def test_agents_see_and_start_nothing(
    site: Site, agent: User, client: Client, website: Source
) -> None:
    run = open_run(website)
    ImportRun.objects.update(state=ImportRun.State.DONE)
    client.force_login(agent)
    one = f"{LIST}{website.pk}"
    for address in (LIST, f"{LIST}add/", f"{one}/change/", f"{one}/runs/", RUNS):
        assert client.get(address).status_code == 403, address
    assert client.post(f"{one}/import/").status_code == 403
    assert (
        client.post(f"{LIST}add/?kind=website", form(site, "https://b.example/")).status_code == 403
    )
    assert list(ImportRun.objects.values_list("pk", flat=True)) == [run.pk]


@pytest.mark.usefixtures("manager")
def test_sources_are_listed_with_both_ways_to_add(client: Client, website: Source) -> None:
    page = client.get(LIST).content.decode()
    assert "Add a website" in page
    assert "Upload files" in page
    assert website.location in page
    for kind in ("website", "upload"):
        assert client.get(f"{LIST}add/?kind={kind}").status_code == 200
    assert client.get(f"{LIST}{website.pk}/delete/").status_code == 403
