"""The passages that a text would be split into, as editors see them."""

from dataclasses import dataclass

from django.utils.safestring import SafeString

from core.markup import render_markdown
from knowledge.passages import HEADING_SEPARATOR, split_markdown
from knowledge.services import MAX_BODY_CHARACTERS


@dataclass(frozen=True, slots=True)
class PassagePreview:
    """A passage under its whole path; ``length`` in characters."""

    path: str
    length: int
    html: SafeString


def preview_passages(body: str, *, title: str) -> list[PassagePreview]:
    """Return what ``body`` would be split into, bounded as a save bounds it."""
    return [
        PassagePreview(
            path=HEADING_SEPARATOR.join(filter(None, (title.strip(), passage.heading))),
            length=len(passage.text),
            html=render_markdown(passage.text),
        )
        for passage in split_markdown(body[:MAX_BODY_CHARACTERS], title=title)
    ]
