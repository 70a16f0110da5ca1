"""Websites are read by their sitemap from a real server, and no other host is."""

import gzip
from collections.abc import Iterator

import pytest

from conversations.models import Site
from core.errors import BadInput
from core.fetching import AddressRefused, FetchFailed
from knowledge.import_runs import run_import
from knowledge.importers import website
from knowledge.importers.content import Defaults
from knowledge.importers.website import Website, parse_sitemap
from knowledge.importing import ImportResult
from knowledge.imports import open_run
from knowledge.models import Article, Audience, ImportRun, Source
from tests.knowledge.import_files import pdf_file
from tests.web_server import WebServer, serving

TEXT = "This paragraph is long enough to be the main text of a page about the tents of a shop. "


@pytest.fixture
def web(settings: object) -> Iterator[WebServer]:
    settings.IMPORT_DELAY_SECONDS = 0
    with serving() as server:
        settings.FETCH_ALLOWED_HOSTS = [f"127.0.0.1:{server.port}"]
        yield server


def add_page(web: WebServer, path: str, title: str, text: str = TEXT) -> None:
    body = f"<main><h1>{title}</h1><p>{text * 3}</p></main>"
    web.add(path, f"<html><head><title>{title}</title></head><body>{body}</body></html>")


def sitemap(web: WebServer, *paths: str, kind: str = "url", changed: str = "") -> str:
    dated = f"<lastmod>{changed}</lastmod>" if changed else ""
    origin = "" if paths and paths[0].startswith("http") else web.origin
    entries = "".join(f"<{kind}><loc>{origin}{path}</loc>{dated}</{kind}>" for path in paths)
    root = "urlset" if kind == "url" else "sitemapindex"
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0"?><{root} xmlns="{space}">{entries}</{root}>'


def add_sitemap(web: WebServer, *paths: str, at: str = "/sitemap.xml", **values: str) -> None:
    web.add(at, sitemap(web, *paths, **values), content_type="application/xml")


def crawl(site: Site, location: str) -> tuple[ImportResult, ImportRun]:
    source, _ = Source.objects.get_or_create(site=site, kind=Source.Kind.WEBSITE, location=location)
    run = open_run(source)
    result = run_import(run.pk, now=True)
    assert result is not None
    run.refresh_from_db()
    return result, run


def published() -> set[str]:
    return set(Article.objects.filter(is_published=True).values_list("slug", flat=True))


def test_site_is_read_by_its_sitemaps(site: Site, web: WebServer) -> None:
    robots = f"User-agent: *\nDisallow: /private/\nSitemap: {web.origin}/index.xml\n"
    web.add("/robots.txt", robots, content_type="text/plain; charset=utf-8")
    add_sitemap(web, "/one.xml", "/two.xml.gz", at="/index.xml", kind="sitemap")
    add_sitemap(web, "/help/tents", "/private/x", at="/one.xml", changed="2026-01-31")
    two = gzip.compress(sitemap(web, "/help/fees.html", "/manual.pdf", "/help/tents").encode())
    web.add("/two.xml.gz", two, content_type="application/gzip")
    add_page(web, "/help/tents", "Tents")
    add_page(web, "/help/fees.html", "Fees")
    add_page(web, "/private/x", "Private")
    web.add("/manual.pdf", pdf_file([[(11, "Keep it dry.")]]), content_type="application/pdf")
    result, run = crawl(site, f"{web.origin}/")
    assert published() == {"help-tents", "help-fees", "manual"}
    assert not result.errors
    assert (run.state, run.total, run.done, run.created) == ("done", 3, 3, 3)
    assert "/private/x" not in web.hits
    tents = Article.objects.get(slug="help-tents")
    assert (tents.title, tents.origin) == ("Tents", f"{web.origin}/help/tents")
    assert tents.updated_at.date().isoformat() == "2026-01-31"
    assert "main text of a page" in tents.body


def test_reading_again_changes_only_what_changed(site: Site, web: WebServer) -> None:
    add_sitemap(web, "/a", "/b", "/c")
    for name in "abc":
        add_page(web, f"/{name}", name.upper())
    crawl(site, f"{web.origin}/")
    add_page(web, "/b", "B", "New words stand here now, for the page was written anew today. ")
    add_sitemap(web, "/a", "/b")
    result, run = crawl(site, f"{web.origin}/")
    counts = (run.created, run.changed, run.unchanged, run.unpublished)
    assert counts == (0, 1, 1, 1)
    assert result.unpublished == [f"{web.origin}/c"]
    assert published() == {"a", "b"}
    versions = {one.slug: one.version for one in Article.objects.all()}
    assert versions == {"a": 1, "b": 2, "c": 1}
    add_sitemap(web, "/a", "/b", "/c")
    crawl(site, f"{web.origin}/")
    assert published() == {"a", "b", "c"}


def test_page_that_is_gone_is_unpublished_and_one_with_an_error_stays(
    site: Site, web: WebServer
) -> None:
    add_sitemap(web, "/a", "/b", "/c")
    for name in "abc":
        add_page(web, f"/{name}", name.upper())
    crawl(site, f"{web.origin}/")
    web.add("/b", "gone", status=410)
    web.add("/c", "trouble", status=500)
    result, _ = crawl(site, f"{web.origin}/")
    assert published() == {"a", "c"}
    assert result.errors == {
        f"{web.origin}/b": "the page is gone.",
        f"{web.origin}/c": "The server answered with status 500.",
    }


@pytest.mark.parametrize(
    "trouble", ["robots", "sitemap", "all pages", "empty sitemap", "no server"]
)
def test_crawl_that_failed_takes_nothing_away(site: Site, web: WebServer, trouble: str) -> None:
    add_sitemap(web, "/a", "/b")
    add_page(web, "/a", "A")
    add_page(web, "/b", "B")
    location = f"{web.origin}/"
    crawl(site, location)
    if trouble == "robots":
        web.add("/robots.txt", status=503)
    elif trouble == "sitemap":
        web.add("/sitemap.xml", status=500)
    elif trouble == "all pages":
        web.add("/a", status=404)
        web.add("/b", status=404)
    elif trouble == "empty sitemap":
        add_sitemap(web)
        web.pages.pop("/a")
    elif trouble == "cut off":
        web.pages["/sitemap.xml"].body = sitemap(web, "/a", "/b").rpartition("<url>")[0]
    else:
        web.server.shutdown()
        web.server.server_close()
    result, run = crawl(site, location)
    assert published() == {"a", "b"}
    assert (run.state, run.unpublished) == ("failed", 0)
    assert result.errors


def test_broken_part_of_a_sitemap_takes_nothing_away_and_says_so(
    site: Site, web: WebServer
) -> None:
    add_sitemap(web, "/one.xml", "/two.xml", kind="sitemap")
    add_sitemap(web, "/a", at="/one.xml")
    add_sitemap(web, "/b", at="/two.xml")
    add_page(web, "/a", "A")
    add_page(web, "/b", "B")
    crawl(site, f"{web.origin}/")
    web.add("/two.xml", "<html>", content_type="application/xml")
    result, run = crawl(site, f"{web.origin}/")
    assert published() == {"a", "b"}
    assert run.state == "done"
    assert "nothing was unpublished" in result.errors[""]


def test_no_more_pages_are_read_than_are_allowed(
    site: Site, web: WebServer, settings: object
) -> None:
    settings.IMPORT_MAX_PAGES = 2
    add_sitemap(web, "/a", "/b", "/c")
    for name in "abc":
        add_page(web, f"/{name}", name.upper())
    result, _ = crawl(site, f"{web.origin}/")
    assert published() == {"a", "b"}
    assert "only the first 2 of 3" in result.errors["sitemap"]


def test_sitemaps_that_take_too_long_take_nothing_away(
    site: Site, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_sitemap(web, "/a")
    add_page(web, "/a", "A")
    crawl(site, f"{web.origin}/")
    monkeypatch.setattr("knowledge.importers.website.MAX_SITEMAPS_SECONDS", 0)
    _, run = crawl(site, f"{web.origin}/")
    assert run.state == "failed"
    assert published() == {"a"}


def test_other_hosts_are_neither_listed_nor_followed(site: Site, web: WebServer) -> None:
    with serving() as canary:
        add_page(canary, "/x", "X")
        add_sitemap(web, f"{canary.origin}/x", f"{web.origin}/a", f"{web.origin}/b")
        web.add("/a", status=302, headers={"Location": f"{canary.origin}/x"})
        add_page(web, "/b", "B")
        robots = f"Sitemap: {web.origin}/sitemap.xml\nSitemap: {canary.origin}/sitemap.xml\n"
        web.add("/robots.txt", robots, content_type="text/plain")
        result, _ = crawl(site, f"{web.origin}/")
        assert canary.connections == 0
    assert published() == {"b"}
    assert set(result.errors) == {f"{canary.origin}/sitemap.xml", f"{web.origin}/a", ""}


def test_redirect_to_an_allowed_other_website_is_not_taken_for_its_own(
    site: Site, web: WebServer, settings: object
) -> None:
    with serving() as other:
        settings.FETCH_ALLOWED_HOSTS = ["127.0.0.1"]
        add_page(other, "/x", "X")
        web.add("/a", status=302, headers={"Location": f"{other.origin}/x"})
        result, _ = crawl(site, f"{web.origin}/a")
    assert "another website" in result.errors[f"{web.origin}/a"]


def test_folder_of_a_site_is_read_alone(site: Site, web: WebServer) -> None:
    add_sitemap(web, "/help/a", "/shop/b")
    add_page(web, "/help/a", "A")
    add_page(web, "/shop/b", "B")
    crawl(site, f"{web.origin}/help/")
    assert published() == {"help-a"}


def test_site_without_a_sitemap_gives_its_page(site: Site, web: WebServer) -> None:
    add_page(web, "/help/", "Help")
    result, run = crawl(site, f"{web.origin}/help/")
    assert published() == {"help"}
    assert run.state == "done"
    assert "only the page itself" in result.errors["sitemap"]


def test_one_page_is_read_by_its_address(site: Site, web: WebServer) -> None:
    add_page(web, "/help/tents", "Tents")
    result, _ = crawl(site, f"{web.origin}/help/tents#top")
    assert published() == {"help-tents"}
    assert "/sitemap.xml" not in web.hits
    assert not result.errors


def test_page_that_robots_forbid_is_not_read(site: Site, web: WebServer) -> None:
    add_page(web, "/help/tents", "Tents")
    web.add("/robots.txt", "User-agent: *\nDisallow: /*/tents", content_type="text/plain")
    _, run = crawl(site, f"{web.origin}/help/tents")
    assert run.state == "failed"
    assert web.hits == ["/robots.txt"]


def test_pages_with_one_slug_keep_apart(site: Site, web: WebServer) -> None:
    add_sitemap(web, "/a-b", "/a/b")
    add_page(web, "/a-b", "One")
    add_page(web, "/a/b", "Two")
    crawl(site, f"{web.origin}/")
    crawl(site, f"{web.origin}/")
    assert {one.slug: one.title for one in Article.objects.all()} == {"a-b": "One", "a-b-2": "Two"}


def test_source_for_staff_gives_internal_articles(site: Site, web: WebServer) -> None:
    add_page(web, "/a", "A")
    Source.objects.create(
        site=site,
        kind="website",
        location=f"{web.origin}/a",
        audience=Audience.INTERNAL,
        locale="de",
    )
    crawl(site, f"{web.origin}/a")
    assert Article.objects.values_list("audience", "locale").get() == ("internal", "de")


def test_pause_is_kept_between_pages(
    site: Site, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("knowledge.importers.website.time.sleep", slept.append)
    web.add("/robots.txt", "User-agent: *\nCrawl-delay: 7", content_type="text/plain")
    add_sitemap(web, "/a", "/b", "/c")
    for name in "abc":
        add_page(web, f"/{name}", name.upper())
    crawl(site, f"{web.origin}/")
    assert len(slept) == 2
    assert all(6 < seconds <= 7 for seconds in slept)


def test_inner_website_is_refused(site: Site, web: WebServer, settings: object) -> None:
    settings.FETCH_ALLOWED_HOSTS = []
    with pytest.raises(AddressRefused):
        Website(f"{web.origin}/", Defaults("en")).batch()
    _, run = crawl(site, f"{web.origin}/")
    assert (run.state, web.connections) == ("failed", 0)


def test_sitemap_that_is_none_is_an_error(web: WebServer) -> None:
    with pytest.raises(FetchFailed, match="404"):
        Website(f"{web.origin}/map.xml", Defaults("en")).batch()


@pytest.mark.parametrize("body", [b"", b"plain", b"<html/>", b"<urlset><url/>"])
def test_what_is_no_sitemap_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="not a sitemap"):
        parse_sitemap(body)


def test_sitemap_reads_no_files_and_grows_by_no_entities() -> None:
    head = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa">'
    bomb = b"".join(
        b'<!ENTITY %c "%s">' % (now, b"&%c;" % before * 10)
        for before, now in zip(b"abcdefgh", b"bcdefghi", strict=True)
    )
    body = head + bomb + b"]><urlset><url><loc>https://a.example/&f;&i;</loc></url></urlset>"
    _, pages = parse_sitemap(body)
    assert all(len(page.url) < 1_000 and "root:" not in page.url for page in pages)


def test_nothing_is_unpublished_where_a_sitemap_is_not_read_to_its_end(
    site: Site, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_page(web, "/help/a", "A")
    add_page(web, "/help/b", "B")
    add_sitemap(web, "/help/a", "/help/b")
    crawl(site, f"{web.origin}/help/")
    monkeypatch.setattr(website, "MAX_LISTED", 2)
    add_sitemap(web, "/shop/1", "/help/a", "/help/b")
    result, _ = crawl(site, f"{web.origin}/help/")
    assert "only its first 2 addresses" in result.errors["sitemap"]
    assert len(published()) == 2


def test_page_that_leads_where_robots_may_not_go_is_not_read(site: Site, web: WebServer) -> None:
    web.add("/robots.txt", "User-agent: *\nDisallow: /private/\n", content_type="text/plain")
    add_page(web, "/private/b", "B")
    web.add("/help/a", status=302, headers={"Location": "/private/b"})
    result, _ = crawl(site, f"{web.origin}/help/a")
    assert "robots.txt" in result.errors[f"{web.origin}/help/a"]
    assert not published()
