"""Where the sentences of a text end that is still being written."""

import re

# An end mark, closing quotes or emphasis, a space, and what may begin a sentence; Chinese and
# Japanese marks need no space; a paragraph, a list's item, a heading or a row of a table ends one.
_END = re.compile(
    r"[.!?\u2026][\"'\u201d\u2019)\]*_]*\s+(?=[\"'\u201c\u2018(\[*_`\u00bf\u00a1]*[^\W_a-z\u00df-\u00ff])"
    r"|[\u3002\uff01\uff1f]"
    r"|\n[^\S\n]*+\n\s*+(?=\S)"
    r"|\n\s*+(?=[-*+>#|]|\d{1,3}[.)]\s)"
)
_ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|z\.b|d\.h|etc|approx|no|nr|mr|mrs|ms|dr|st|vs|incl|max|min|bzw|ca|p\.m|a\.m)"
    r"\.\s*+\Z",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"\A\W*\d{1,3}[.)]\s*\Z")
# A bracket that is never closed must not keep a text from being looked at.
LONGEST = 400


def sentence_end(text: str, *, start: int = 0) -> int | None:
    """Return where the first whole sentence of ``text`` ends, the space after it included.

    ``start`` is how much was looked at before, less a few characters; ``None``: it goes on.
    """
    # Space at the end ends nothing yet, and a run of it would be read from each of its lines.
    for match in _END.finditer(text, start, len(text.rstrip()) + 1):
        if match[0][0] == "\n" or _is_whole(text[: match.end()]):
            return match.end()
    return None


def _is_whole(sentence: str) -> bool:
    if _ABBREVIATION.search(sentence) or _NUMBERING.match(sentence):
        return False
    balanced = sentence.count("(") <= sentence.count(")") and sentence.count("`") % 2 == 0
    return balanced or len(sentence) > LONGEST
