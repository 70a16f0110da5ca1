"""Reads a website: one page, or the pages that its sitemap names and its robots.txt allows.

An address that ends in ``.xml`` (``.xml.gz``) is a sitemap; one that ends in ``/`` stands for
all pages below it that the site's sitemaps name; any other is one page.
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath

import httpx2
from django.conf import settings
from lxml import etree
from protego import Protego

from core.errors import BadInput, SupportError
from core.fetching import (
    USER_AGENT,
    BadStatus,
    Fetched,
    FetchFailed,
    Limits,
    WrongType,
    fetch,
    parse_url,
    unpack_gzip,
)
from knowledge.importers.content import (
    MAX_ORIGIN_CHARACTERS,
    Batch,
    Defaults,
    PageGone,
    Part,
    Reading,
    moment_of,
    slug_of,
)
from knowledge.importers.html import read_html
from knowledge.importers.pdf import read_pdf

PAGE_TYPES = ("text/html", "application/xhtml+xml", "application/pdf")
ROBOTS_TYPES = ("text/plain",)
SITEMAP_TYPES = (
    "application/xml", "text/xml", "application/gzip", "application/x-gzip",
    "application/octet-stream", "text/plain",
)  # fmt: skip
SITEMAP_ENDINGS = (".xml", ".xml.gz")
MAX_SITEMAPS = 50
# Well within an import's lease, which only its pages renew.
MAX_SITEMAPS_SECONDS = 120.0
MAX_SITEMAP_BYTES = 10_000_000
# Far more than are read: a sitemap of a whole shop may name a few help pages at its end.
MAX_LISTED = 50_000
MAX_DELAY_SECONDS = 10.0
GZIP_MAGIC = b"\x1f\x8b"
GONE = {404, 410}
NO_SITEMAP = "none was found: only the page itself is read."


@dataclass(frozen=True, slots=True)
class Listed:
    """An address in a sitemap, and when its page changed last."""

    url: str
    changed_at: datetime | None


@dataclass(slots=True)
class Website:
    """One reading of a website; it waits between two pages."""

    location: str
    defaults: Defaults
    _robots: Protego = field(init=False)
    _notes: dict[str, str] = field(init=False, default_factory=dict)
    _last_at: float | None = field(init=False, default=None)

    def batch(self) -> Batch:
        """Return the pages, each still to be fetched; raise ``FetchFailed`` or ``BadInput``."""
        start = parse_url(self.location)
        self._robots = self._read_robots(start)
        if not start.path.endswith(("/", *SITEMAP_ENDINGS)):
            return Batch([self._part(Listed(str(start), None))], is_complete=True)
        listed = list(self._listed(start))
        if not listed and start.path.endswith("/") and not self._notes:
            self._notes["sitemap"] = NO_SITEMAP
            listed = [Listed(str(start), None)]
        limit = settings.IMPORT_MAX_PAGES
        if len(listed) > limit:
            self._notes["sitemap"] = f"only the first {limit:,} of {len(listed):,} pages are read."
        return Batch(
            [self._part(page) for page in listed[:limit]],
            is_complete=not self._notes,
            notes=self._notes,
        )

    def _part(self, page: Listed) -> Part:
        return Part(page.url, partial(self._load, page), is_page=True)

    def _load(self, page: Listed) -> Reading:
        if len(page.url) > MAX_ORIGIN_CHARACTERS:
            raise BadInput(f"the address is longer than {MAX_ORIGIN_CHARACTERS} characters.")
        if not self._robots.can_fetch(page.url, USER_AGENT):
            raise BadInput("robots.txt does not allow to read it.")
        self._wait()
        try:
            fetched = fetch(page.url, types=PAGE_TYPES)
        except BadStatus as error:
            if error.answered in GONE:
                raise PageGone from error
            raise
        if not _is_same_site(parse_url(fetched.url), parse_url(page.url)):
            raise BadInput("the page leads to another website.")
        if not self._robots.can_fetch(fetched.url, USER_AGENT):
            raise BadInput("robots.txt does not allow to read where it leads.")
        return _dated(_read(fetched, page=page, defaults=self.defaults), page=page)

    def _wait(self) -> None:
        """Be no burden: leave a pause after the page before."""
        asked = float(self._robots.crawl_delay(USER_AGENT) or 0.0)
        delay = max(settings.IMPORT_DELAY_SECONDS, min(asked, MAX_DELAY_SECONDS))
        now = time.monotonic()
        if self._last_at is not None and now < self._last_at + delay:
            time.sleep(self._last_at + delay - now)
        self._last_at = time.monotonic()

    def _read_robots(self, start: httpx2.URL) -> Protego:
        """Return the site's rules; where they can't be asked for, nothing may be read."""
        try:
            body = fetch(str(start.join("/robots.txt")), types=ROBOTS_TYPES).body
        except WrongType:
            body = b""
        except BadStatus as error:
            if error.answered >= httpx2.codes.INTERNAL_SERVER_ERROR:
                raise FetchFailed(f"robots.txt can't be read: {error.detail}") from error
            body = b""
        return Protego.parse(body.decode("utf-8", "replace"))

    def _listed(self, start: httpx2.URL) -> Iterator[Listed]:
        """Yield the pages that the sitemaps name and that may be read, each once."""
        is_sitemap = start.path.endswith(SITEMAP_ENDINGS)
        below = "/" if is_sitemap else start.path
        seen: set[str] = set()
        found = self._in_sitemaps(start, is_sitemap=is_sitemap)
        for number, page in enumerate(found):
            if number == MAX_LISTED:
                self._notes["sitemap"] = f"only its first {MAX_LISTED:,} addresses are looked at."
                return
            try:
                url = parse_url(page.url)
            except FetchFailed:
                continue
            wanted = _is_same_site(url, start) and url.path.startswith(below)
            if wanted and str(url) not in seen and self._robots.can_fetch(str(url), USER_AGENT):
                seen.add(str(url))
                yield Listed(str(url), page.changed_at)

    def _in_sitemaps(self, start: httpx2.URL, *, is_sitemap: bool) -> Iterator[Listed]:
        """Read sitemaps and those that they name; trouble is noted, and the rest goes on."""
        named = [] if is_sitemap else list(self._robots.sitemaps)
        first = str(start) if is_sitemap else str(start.join("/sitemap.xml"))
        waiting = deque(named or [first])
        read: set[str] = set()
        end = time.monotonic() + MAX_SITEMAPS_SECONDS
        while waiting and len(read) < MAX_SITEMAPS and time.monotonic() < end:
            url = waiting.popleft()
            if url in read:
                continue
            read.add(url)
            try:
                children, pages = self._sitemap(url, start=start)
            except (FetchFailed, BadInput) as error:
                if is_sitemap and url == first:
                    raise
                if named or not _is_none(error):
                    self._notes[url] = error.detail
                continue
            waiting.extend(children)
            yield from pages
        if waiting:
            self._notes["sitemap"] = f"only the first {len(read)} sitemaps are read."

    def _sitemap(self, url: str, *, start: httpx2.URL) -> tuple[list[str], list[Listed]]:
        if not _is_same_site(parse_url(url), start):
            raise BadInput("the sitemap is another website's.")
        body = fetch(url, types=SITEMAP_TYPES, limits=Limits(max_bytes=MAX_SITEMAP_BYTES)).body
        if body.startswith(GZIP_MAGIC):
            body = _unpacked(body)
        return parse_sitemap(body)


def _is_none(error: SupportError) -> bool:
    """Tell whether there is just no sitemap: some sites send a page for whatever is asked."""
    return isinstance(error, WrongType) or (isinstance(error, BadStatus) and error.answered in GONE)


def parse_sitemap(body: bytes) -> tuple[list[str], list[Listed]]:
    """Return the sitemaps and the pages that a sitemap names; raise ``BadInput`` if it is none.

    One that is cut off is none: what it does not name would seem to be gone.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadInput("it is not a sitemap.") from error
    kind = etree.QName(root).localname
    if kind not in {"urlset", "sitemapindex"}:
        raise BadInput("it is not a sitemap.")
    entries = [
        Listed(url, _moment(entry.findtext("{*}lastmod") or ""))
        for entry in root.iterchildren("{*}url", "{*}sitemap")
        if (url := (entry.findtext("{*}loc") or "").strip())
    ]
    return ([one.url for one in entries], []) if kind == "sitemapindex" else ([], entries)


def _unpacked(body: bytes) -> bytes:
    unpacked = bytearray()
    for piece in unpack_gzip([body], limit=MAX_SITEMAP_BYTES):
        unpacked += piece
        if len(unpacked) > MAX_SITEMAP_BYTES:
            raise BadInput(f"it unpacks to more than {MAX_SITEMAP_BYTES:,} bytes.")
    return bytes(unpacked)


def _read(fetched: Fetched, *, page: Listed, defaults: Defaults) -> Reading:
    url = parse_url(page.url)
    path = PurePosixPath(url.path)
    stem = slug_of("-".join([*path.parent.parts[1:], path.stem]) or url.host)
    if fetched.media_type == "application/pdf":
        return read_pdf(fetched.body, stem=stem, defaults=defaults)
    parameters = fetched.content_type.casefold().partition("charset=")[2]
    charset = parameters.partition(";")[0].strip(" \"'")
    return read_html(fetched.body, stem=stem, defaults=defaults, url=fetched.url, charset=charset)


def _dated(reading: Reading, *, page: Listed) -> Reading:
    """Return the articles with the date that the sitemap gives."""
    articles = [
        replace(one, content=replace(one.content, updated_at=page.changed_at))
        for one in reading.articles
    ]
    return Reading(articles, reading.errors)


def _is_same_site(url: httpx2.URL, start: httpx2.URL) -> bool:
    """Tell whether both are of one host; ``www.`` makes no difference."""
    hosts = [(one.host.removeprefix("www."), one.port) for one in (url, start)]
    return hosts[0] == hosts[1]


def _moment(text: str) -> datetime | None:
    try:
        return moment_of(text.strip())
    except ValueError:
        return None
