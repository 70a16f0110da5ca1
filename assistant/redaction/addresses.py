"""Addresses on the internet: e-mail, IP, and the user names and passwords in URLs."""

import ipaddress
import re
from collections.abc import Iterator

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN = (
    rf"(?:(?:{_LABEL}\.){{1,8}}(?:xn--[\w-]{{2,59}}|[^\W\d_]{{2,63}})|"
    r"\[?\d{1,3}(?:\.\d{1,3}){3}\]?)"
)
# Each run of local characters is read once: the look-behind allows no second start in it.
_EMAIL = re.compile(rf"(?<![\w.+%'-])[.+%'-]*+(\w[\w.+%'-]*+@{_DOMAIN})")
_AT = r"(?: ?[\[({] ?(?:at|@) ?[\])}] ?| at )"
_DOT = r"(?: ?[\[({] ?(?:dot|\.) ?[\])}] ?| dot |\.)"
_SPELT_OUT = re.compile(
    rf"(?<![\w.+-])(\w[\w.+-]{{0,63}}+{_AT}[a-z\d-]{{1,63}}(?:{_DOT}[a-z\d-]{{1,63}}){{0,3}}?{_DOT}"
    r"(?:com|org|net|edu|info|io|eu|[a-z]{2}))(?!\w)",
    re.IGNORECASE,
)
# "jane @ example.com" is somebody's address, "visit us @ example.com" is not.
_SPACED = re.compile(
    r"(?<![\w.+-])((?!(?:us|me|them|it|here|up|out|online|at|or|and|info on|more)\b)"
    r"\w[\w.+-]{0,63}+(?: @ ?|@ )(?:[a-z\d-]{1,63}\.){1,4}(?:com|org|net|edu|info|io|eu|[a-z]{2}))"
    r"(?![\w-])",
    re.IGNORECASE,
)
# Writing without spaces touches the address on both sides.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_UNSPACED_HEAD = re.compile(rf"^.*[{_UNSPACED}](?=[A-Za-z0-9][\w.+%'-]*@)")
_UNSPACED_TAIL = re.compile(rf"(?<=[A-Za-z])[{_UNSPACED}]+$")

_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#\x00@]{1,256}:[^\s/?#\x00]{1,256}(?=@)")

_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[\da-f:.]{0,40}\d)(?:[\da-f]{0,4}:){2,7}"
    r"(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{0,4})(?![\w:])",
    re.IGNORECASE,
)
_OTHER_DOTTED = re.compile(
    r"(?:\bv(?:er(?:sion)?)?\.?|version|firmware|build|release|update|driver|software|app|"
    r"ios|android|windows|macos|linux|chrome|firefox|safari|edge|plugin|sdk|"
    r"section|chapter|clause|paragraph|§)\s*(?:is|to|no\.?|number|:)?\s*\Z",
    re.IGNORECASE,
)


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield where e-mail addresses stand, spelt ``name at host dot com`` too."""
    if "@" in text:
        for match in _EMAIL.finditer(text):
            head = _UNSPACED_HEAD.match(match[1])
            tail = _UNSPACED_TAIL.search(match[1])
            yield (
                match.start(1) + (head.end() if head else 0),
                match.end(1) - (len(tail[0]) if tail else 0),
            )
        yield from (match.span(1) for match in _SPACED.finditer(text))
    for match in _SPELT_OUT.finditer(text):
        if _is_spelt_out(match[1]):
            yield match.span(1)


def _is_spelt_out(text: str) -> bool:
    """Tell an address from "look at example.com": words alone need both words, or brackets."""
    lowered = text.lower()
    return any(bracket in text for bracket in "[({") or (" at " in lowered and " dot " in lowered)


def find_credentials(text: str) -> Iterator[tuple[int, int]]:
    """Yield where ``user:password`` stands in URLs."""
    if "://" in text:
        yield from (match.span() for match in _CREDENTIALS.finditer(text))


def find_ips(text: str) -> Iterator[tuple[int, int]]:
    """Yield where IPv4 and IPv6 addresses stand; versions and sections are neither."""
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            before = text[max(0, match.start() - 24) : match.start()]
            if _is_ipv4(match[0]) and not _OTHER_DOTTED.search(before):
                yield match.span()
    if text.count(":") >= 2:
        yield from (match.span() for match in _IPV6.finditer(text) if _is_ipv6(match[0]))


def _is_ipv4(text: str) -> bool:
    # Zeros in front are common in what people type; ``ipaddress`` refuses them.
    return all(int(part) <= 255 for part in text.split("."))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
