"""The one place where a person's or a model's Markdown becomes HTML.

Text is stored raw and rendered here: raw HTML and images are off in the parser, and the
result passes an allowlist all the same. Links survive only to allowed hosts.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS = {
    "p", "br", "strong", "em", "s", "code", "pre", "blockquote", "hr", "ul", "ol", "li",
    "table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "a",
}  # fmt: skip
# To look for more takes time by their square, and no text that is meant to be read has them.
MOST_ADDRESSES = 100
ATTRIBUTES = {"a": {"href", "target"}, "ol": {"start"}}
# Lines of words and stops, which mean the same in Markdown: most of what people write.
_LINE = r"[^\W\d_](?: ?(?:[^\W_]|[.,;:!?'()/%€$-]))*+"
_WORDS = re.compile(rf"{_LINE}(?:\n{_LINE})*+")


@lru_cache(maxsize=2)
def _parser(*, finds_addresses: bool) -> MarkdownIt:
    options = {"html": False, "breaks": True, "linkify": finds_addresses}
    parser = MarkdownIt("commonmark", options)
    if parser.linkify is not None:
        # Whole addresses alone: "sure.it works" leads nowhere.
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
        for schema in ("mailto:", "ftp:", "//"):
            parser.linkify.add(schema, None)
    parser.enable(["table", "strikethrough", "linkify"])
    return parser.disable(["image", "html_block", "html_inline"])


def _attribute_filter(hosts: frozenset[str] | None, tag: str, name: str, value: str) -> str | None:
    if tag != "a" or name != "href":
        return value
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").casefold()
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host:
        return None
    return value if hosts is None or host in hosts else None


def render_markdown(text: str, *, link_hosts: Collection[str] | None = None) -> SafeString:
    """Return ``text`` as sanitised HTML.

    ``link_hosts`` are the host names that links may lead to, ``None`` for any; a link
    elsewhere keeps its words and loses its address.
    """
    if "://" not in text and _WORDS.fullmatch(words := text.rstrip(" \n")):
        return mark_safe("<p>" + words.replace("\n", "<br>\n") + "</p>\n")  # noqa: S308 - no sign of HTML
    return _render(text, link_hosts=link_hosts)


def _render(text: str, *, link_hosts: Collection[str] | None) -> SafeString:
    hosts = None if link_hosts is None else frozenset(host.casefold() for host in link_hosts)
    clean = nh3.clean(
        _parser(finds_addresses=text.count("://") <= MOST_ADDRESSES).render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=lambda tag, name, value: _attribute_filter(hosts, tag, name, value),
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return mark_safe(clean)  # noqa: S308 - nh3 made it safe just now


def render_plain(text: str) -> SafeString:
    """Return ``text`` escaped, its line breaks kept: what a customer wrote is never Markdown."""
    return mark_safe("<p>" + escape(text).replace("\n", "<br>") + "</p>")  # noqa: S308 - escaped
