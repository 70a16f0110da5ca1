"""Reads a Word file: headings, lists and tables stay what they are."""

from io import BytesIO
from zipfile import BadZipFile

import mammoth

from core.errors import BadInput
from knowledge.importers.archive import check_archive
from knowledge.importers.content import (
    ArticleFile,
    Defaults,
    Reading,
    heading_of,
    slug_of,
    title_of,
)
from knowledge.importers.html import HEADING, html_to_markdown
from knowledge.services import ArticleContent

# Word's "Title" style is no heading to mammoth.
STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"


def read_docx(data: bytes, *, stem: str, defaults: Defaults) -> Reading:
    """Return the file's one article; raise ``BadInput`` where it is none or has no text."""
    check_archive(data)
    try:
        converted = mammoth.convert_to_html(
            BytesIO(data), style_map=STYLES, convert_image=mammoth.images.img_element(_no_image)
        )
    except (BadZipFile, KeyError, ValueError, OSError) as error:
        raise BadInput("the file is not a Word document (.docx).") from error
    body = html_to_markdown(converted.value)
    heading = HEADING.match(body)
    if heading:
        body = body[heading.end() :].strip()
    if not body:
        raise BadInput("the document has no text.")
    title = title_of(heading_of(heading[1]).strip("*_ ")) if heading else ""
    content = ArticleContent(
        title=title or stem, body=body, locale=defaults.locale, audience=defaults.audience
    )
    return Reading([ArticleFile(slug_of(stem), content)])


def _no_image(image: object) -> dict[str, str]:
    """Pictures have no words; their bytes must not fill the article."""
    return {"src": ""}
