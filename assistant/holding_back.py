"""Holds unfinished marks, links, placeholders and numbers of a streamed answer back.

Marks like ``[2]`` are taken out and remembered, images are taken out, and a link elsewhere than
the site allows loses its address; one that no source holds ends the answer.
"""

import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from assistant.violations import OutputViolation

MARK = re.compile(r"\[\s*\d+(?:\s*,\s*\d+)*\s*\]")
SPACED_MARK = re.compile(r"(?:(?<![ \t])[ \t]++)?" + MARK.pattern)
# No answer has so many passages: what a longer number means is nothing.
MARK_DIGITS = 4
LONGEST_LINK = 400
LONGEST_ALLOWED_URL = 2_000
# Bounded and possessive: what opens again and again and never closes is read a few times only.
_LINK = re.compile(r"(!?)\[([^\]]{0,400}+)\]\(\s{0,20}+<?+([^)\s>]{0,2000}+)>?+[^)]{0,400}+\)")
# Readers take the page's own scheme for it: written so it is in no source.
_WITHOUT_SCHEME = re.compile(r"(?:\](?:\(|:)|[<\"'=])\s{0,20}+<?[/\\]{2}")
# An image in a link's words shows once the link is gone; deeper than this nobody writes.
_DEEPEST = 3
_URL = re.compile(r"(?:https?://|\bwww\.)[^\s<>\])\"']+", re.IGNORECASE)
_URL_END = ".,;:!?*_"
# What may still become a placeholder, an address, or a number that belongs to somebody.
_UNFINISHED = re.compile(
    r"(?:<(?:[A-Z][A-Z_]*(?:\d*)?)?"
    r"|\b(?:h(?:t(?:t(?:p(?:s?(?::[^\s)>\]]*)?)?)?)?)?|w(?:w(?:w(?:\.[^\s)>\]]*)?)?)?)"
    r"|(?<![\w.+%'-])[\w.+%'-]*+@[\w.-]*+"
    r"|[+(]?\d[\d ()./-]*+"
    r"|(?:\](?:[(:]\s{0,20}+<?)?|[\"'=]<?)[/\\]?"
    r"|[ \t!])\Z",
    re.IGNORECASE,
)


class HoldBack:
    """Feed it pieces; it returns what is whole by now, in order and without loss."""

    def __init__(self, *, hosts: Collection[str], sources: str) -> None:
        """``hosts`` are those that links may lead to; an address in ``sources`` is no invention."""
        self._hosts = frozenset(host.casefold() for host in hosts)
        self._sources = sources
        self._held = ""
        self.cited: list[int] = []

    def feed(self, piece: str) -> str:
        """Return the text that ``piece`` made whole; raise ``OutputViolation``."""
        self._held += piece
        if "]" in self._held:
            self._take_marks()
        cut = self._whole_length()
        shown, self._held = self._held[:cut], self._held[cut:]
        return self._without_foreign_links(shown)

    def finish(self) -> str:
        """Return what is left at the end of the stream."""
        rest, self._held = self._held, ""
        return self._without_foreign_links(rest)

    def _take_marks(self) -> None:
        for mark in MARK.finditer(self._held):
            numbers = re.findall(r"\d+", mark.group())
            self.cited += [int(number) for number in numbers if len(number) <= MARK_DIGITS]
        self._held = SPACED_MARK.sub("", self._held)

    def _whole_length(self) -> int:
        held = self._held
        opened = held.rfind("[")
        if opened >= 0 and len(held) - opened < LONGEST_LINK and not self._closed(opened):
            return len(held[: opened - held.startswith("!", opened - 1)].rstrip(" \t"))
        tail = _UNFINISHED.search(held, max(0, len(held) - 2 * LONGEST_LINK))
        if tail is None or len(held) - tail.start() > LONGEST_LINK:
            return len(held)
        return len(held[: self._before_link(tail.start())].rstrip(" \t"))

    def _before_link(self, cut: int) -> int:
        """Return ``cut``, or where the link begins that it would cut in two."""
        if "](" not in self._held:
            return cut
        links = (match.span() for match in _LINK.finditer(self._held))
        return next((start for start, end in links if start < cut < end), cut)

    def _closed(self, opened: int) -> bool:
        closing = self._held.find("]", opened)
        if closing < 0 or closing + 1 >= len(self._held):
            return False
        return self._held[closing + 1] != "(" or ")" in self._held[closing:]

    def _without_foreign_links(self, text: str) -> str:
        for _ in range(_DEEPEST):
            if "](" not in text:
                break
            text = _LINK.sub(self._link, text)
        if _WITHOUT_SCHEME.search(text):
            raise OutputViolation("link", "An address without a scheme")
        if "://" in text or "www." in text.casefold():
            for match in _URL.finditer(text):
                self._check_address(match[0].rstrip(_URL_END))
        return text

    def _link(self, match: re.Match[str]) -> str:
        """Return a link as it may be shown: whole, its words alone, or for an image nothing."""
        is_image, words, target = match.groups()
        if is_image:
            return ""
        if "//" in target:
            self._check_address(target)
        return match[0] if host_of(target) in self._hosts else words

    def _check_address(self, address: str) -> None:
        is_known = host_of(address) in self._hosts and len(address) <= LONGEST_ALLOWED_URL
        if not is_known and address not in self._sources:
            raise OutputViolation("link", "An address that no source holds")


def host_of(address: str) -> str:
    """Return the host of a web address; empty for anything else.

    Empty, too, where readers disagree about the host: a user's name, a backslash, no real port.
    """
    with_scheme = f"https://{address}" if address.casefold().startswith("www.") else address
    try:
        parts = urlsplit(with_scheme)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    is_plain = "@" not in parts.netloc and "\\" not in address
    return host.casefold() if is_plain and parts.scheme in {"http", "https"} else ""


def hosts_of(addresses: Iterable[str]) -> set[str]:
    """Return the hosts of web addresses."""
    return {host for host in map(host_of, addresses) if host}
