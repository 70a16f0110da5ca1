"""PDF and Word files written by hand, for the tests of what reads them."""

from collections.abc import Sequence
from io import BytesIO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

Line = tuple[int, str]


def pdf_file(pages: Sequence[Sequence[Line]], *, title: str = "") -> bytes:
    """Return a PDF with lines of (size, text) below each other, one font."""
    tree = 2 + 2 * len(pages)
    objects = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for lines in pages:
        stream = _stream(lines)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 600 800] /Contents %d 0 R "
            b"/Resources << /Font << /F1 1 0 R >> >> >>" % (tree, len(objects))
        )
    kids = b" ".join(b"%d 0 R" % number for number in range(3, tree, 2))
    objects.append(b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)))
    objects.append(b"<< /Type /Catalog /Pages %d 0 R >>" % tree)
    objects.append(b"<< /Title (%s) >>" % title.encode("latin-1"))
    return _written(objects)


def _stream(lines: Sequence[Line]) -> bytes:
    drawn, height = b"", 760
    for size, text in lines:
        safe = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        drawn += b"/F1 %d Tf 1 0 0 1 50 %d Tm (%s) Tj\n" % (size, height, safe.encode("latin-1"))
        height -= size + 4
    return b"BT\n" + drawn + b"ET"


def _written(objects: Sequence[bytes]) -> bytes:
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start, count = len(out), len(objects)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (count + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer << /Size %d /Root %d 0 R /Info %d 0 R >>" % (count + 1, count - 1, count)
    return out + trailer + b"\nstartxref\n%d\n%%%%EOF" % start


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def docx_file(body: str) -> bytes:
    """Return a Word file with ``body`` (see ``paragraph`` and ``table``)."""
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{one.replace(" ", "")}"><w:name w:val="{one}"/>'
        "</w:style>"
        for one in ("Title", "heading 1", "heading 2")
    )
    level = '<w:lvl w:ilvl="0"><w:numFmt w:val="{}"/></w:lvl>'
    numbering = "".join(
        f'<w:abstractNum w:abstractNumId="{at}">{level.format(kind)}</w:abstractNum>'
        for at, kind in ((1, "bullet"), (2, "decimal"))
    ) + "".join(f'<w:num w:numId="{at}"><w:abstractNumId w:val="{at}"/></w:num>' for at in (1, 2))
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    return zip_file(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
            f'<Override PartName="/word/document.xml" ContentType="{main}.document.main+xml"/>'
            "</Types>",
            "_rels/.rels": _relations(("officeDocument", "word/document.xml")),
            "word/_rels/document.xml.rels": _relations(
                ("styles", "styles.xml"), ("numbering", "numbering.xml")
            ),
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body>'
            "</w:document>",
            "word/styles.xml": f'<w:styles xmlns:w="{WORD}">{styles}</w:styles>',
            "word/numbering.xml": f'<w:numbering xmlns:w="{WORD}">{numbering}</w:numbering>',
        }
    )


def paragraph(text: str, *, style: str = "", list_id: int = 0) -> str:
    """Return a paragraph; lists are 1 (points) and 2 (numbers)."""
    properties = f'<w:pStyle w:val="{style}"/>' if style else ""
    if list_id:
        properties += f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{list_id}"/></w:numPr>'
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of plain cells, the first row its head."""

    def row(cells: Sequence[str], *, head: bool) -> str:
        mark = "<w:trPr><w:tblHeader/></w:trPr>" if head else ""
        return f"<w:tr>{mark}{''.join(f'<w:tc>{paragraph(cell)}</w:tc>' for cell in cells)}</w:tr>"

    return f"<w:tbl>{''.join(row(cells, head=not at) for at, cells in enumerate(rows))}</w:tbl>"


def _relations(*targets: tuple[str, str]) -> str:
    found = "".join(
        f'<Relationship Id="r{at}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{found}</Relationships>'


def zip_file(files: dict[str, str | bytes]) -> bytes:
    """Return an archive of ``files``."""
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
