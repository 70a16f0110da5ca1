"""Reads a web page: its main text as Markdown, without menus, banners and footers."""

import re
from codecs import lookup

import trafilatura
from lxml import etree
from lxml import html as lxml_html
from markdownify import markdownify

from core.errors import BadInput
from knowledge.importers.content import (
    SPACE,
    ArticleFile,
    Defaults,
    Reading,
    heading_of,
    slug_of,
    title_of,
)
from knowledge.services import ArticleContent

# Below it the extraction missed the text, or there is none: short answers are pages too.
FEW_CHARACTERS = 200
ENCODING_NAME = re.compile(rb"charset=[\"']?([\w-]{2,20})", re.IGNORECASE)
HEADING = re.compile(r"\A#{1,2}[ \t]+([^\n]+)(?:\n|\Z)")
NESTED = re.compile(r"^((?:  )+)(?=(?:[-*]|\d+\.) )", re.MULTILINE)
BLANK_LINES = re.compile(r"\n{3,}")
# ``Returns | Acme help``: what stands behind the last bar names the site.
MAX_NAME_CHARACTERS = 500
SITE_NAME = re.compile(r"\s+[|\u2013\u2014\u00b7]\s+[^|\u2013\u2014\u00b7]+\Z")
# What Python decodes besides charsets; the first takes the square of a page's length.
NO_CHARSETS = {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"}
NO_TEXT = (
    "//script|//style|//noscript|//template|//svg|//nav|//footer|//form|//iframe|//body/header"
)
CONTAINERS = ("//main", "//article", "//body")


def read_html(
    data: bytes, *, stem: str, defaults: Defaults, url: str = "", charset: str = ""
) -> Reading:
    """Return the page's one article; raise ``BadInput`` where it has no text.

    ``url`` makes its links whole; ``charset`` is what the server said.
    """
    text = _decoded(data, charset=charset)
    tree = _tree(text)
    named = _title(tree)
    body = _main_text(text, tree=tree, url=url)
    heading = HEADING.match(body)
    title = title_of(_plain(heading_of(heading[1])) if heading else named)
    if heading:
        body = body[heading.end() :].strip()
    if not body:
        raise BadInput("the page has no text of its own.")
    content = ArticleContent(
        title=title or stem, body=body, locale=defaults.locale, audience=defaults.audience
    )
    return Reading([ArticleFile(slug_of(stem), content)])


def html_to_markdown(fragment: str) -> str:
    """Return clean HTML, as a converter made it, as Markdown with its tables and lists."""
    text = markdownify(fragment, heading_style="ATX", bullets="-", strip=["img"])
    lines = (line.rstrip() for line in text.split("\n"))
    return BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _main_text(text: str, *, tree: "lxml_html.HtmlElement", url: str) -> str:
    """Return the main part by trafilatura; the whole body where that finds next to nothing."""
    found = trafilatura.extract(
        text,
        url=url or None,
        output_format="markdown",
        include_tables=True,
        include_links=True,
        include_formatting=True,
        include_comments=False,
        favor_recall=True,
    )
    # Four spaces nest below ``1.`` as well as below ``-``.
    found = NESTED.sub(lambda indent: indent[1] * 2, (found or "").strip())
    if len(found) >= FEW_CHARACTERS:
        return found
    return _body(tree) or found


def _body(tree: "lxml_html.HtmlElement") -> str:
    for element in tree.xpath(NO_TEXT):
        element.drop_tree()
    for path in CONTAINERS:
        for element in tree.xpath(path)[:1]:
            return html_to_markdown(etree.tostring(element, encoding="unicode", with_tail=False))
    return ""


def _tree(text: str) -> "lxml_html.HtmlElement":
    try:
        return lxml_html.document_fromstring(text.encode(), parser=_parser())
    except (etree.ParserError, ValueError) as error:
        raise BadInput("the file is not HTML.") from error


def _parser() -> "lxml_html.HTMLParser":
    return lxml_html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)


def _title(tree: "lxml_html.HtmlElement") -> str:
    for path in ("//h1", "//meta[@property='og:title']/@content", "//title"):
        for found in tree.xpath(path)[:1]:
            name = found if isinstance(found, str) else found.text_content()
            if name.strip():
                line = SPACE.sub(" ", str(name)).strip()[:MAX_NAME_CHARACTERS]
                return SITE_NAME.sub("", line) if path == "//title" else line
    return ""


def _plain(markdown: str) -> str:
    return re.sub(r"[*_`]+|\[([^\]]*)\]\([^)]*\)", r"\1", markdown)


def _decoded(data: bytes, *, charset: str) -> str:
    """Return the page's text by the server's word, the page's own, or UTF-8."""
    named = ENCODING_NAME.search(data[:4_096])
    for name in (charset, named[1].decode() if named else "", "utf-8"):
        try:
            if name and lookup(name).name in NO_CHARSETS:
                continue
            return data.decode(name).removeprefix("\ufeff") if name else data.decode("utf-8-sig")
        except (ValueError, LookupError):
            continue
    return data.decode("windows-1252", "replace")
