"""Each format is read to Markdown with its headings, lists and tables, or refused plainly."""

import pytest

from core.errors import BadInput
from knowledge.importers import archive, pdf
from knowledge.importers.content import ArticleFile, Defaults, Reading
from knowledge.importers.files import read_file, upload_batch
from knowledge.importers.html import read_html
from tests.knowledge.import_files import docx_file, paragraph, pdf_file, table, zip_file

EN = Defaults("en")
LONG = "Dry the tent in the open air before you fold it, and shake the sand out of its corners. "
PAGE = f"""<!doctype html><html lang="en"><head><title>Tent care | Acme help</title>
<style>p {{ color: red }}</style></head><body>
<nav><a href="/">Home</a> <a href="/shop">Shop now</a></nav>
<main><h1>Tent care</h1><p>{LONG * 3}See the <a href="/repairs">repairs</a> page.</p>
<h2>Poles</h2><ol><li>Begin in the middle<ul><li>never at an end</li></ul></li>
<li>Fold each half</li></ol><h3>Spare parts</h3>
<table><tr><th>Part</th><th>Price</th></tr><tr><td>Pole</td><td>12 €</td></tr></table></main>
<footer>Imprint and privacy</footer><script>alert("x")</script></body></html>"""


def read_one(name: str, data: bytes | str) -> ArticleFile:
    reading = read_file(data.encode() if isinstance(data, str) else data, name=name, defaults=EN)
    assert not reading.errors
    (article,) = reading.articles
    return article


def test_html_keeps_its_main_text_alone() -> None:
    article = read_one("Tent-Care.HTML", PAGE)
    assert (article.slug, article.content.title) == ("tent-care", "Tent care")
    body = article.content.body
    assert body.startswith("Dry the tent")
    assert "\n## Poles\n\n1. Begin in the middle\n    - never at an end\n2. Fold each half" in body
    assert "| Part | Price |" in body
    assert "| Pole | 12 € |" in body
    for noise in ("Shop now", "Imprint", "alert", "color"):
        assert noise not in body


def test_links_of_a_page_are_made_whole() -> None:
    reading = read_html(PAGE.encode(), stem="x", defaults=EN, url="https://a.example/help/tents")
    assert "[repairs](https://a.example/repairs)" in reading.articles[0].content.body


def test_short_page_is_read_without_its_menu() -> None:
    body = "<header><h1>Fees today</h1></header><nav>Menu</nav><div><p>There are none.</p></div>"
    page = f"<title>Fees \u2013 Acme</title><body>{body}</body>"
    content = read_one("fees.htm", page).content
    assert (content.title, content.body) == ("Fees today", "There are none.")
    named = read_one("fees.htm", page.replace("h1>", "b>")).content
    assert named.title == "Fees"


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("<p>Größe: 5 €</p>".encode("windows-1252"), "windows-1252"),
        ('<meta charset="iso-8859-15"><p>Größe: 5 €</p>'.encode("iso-8859-15"), ""),
        ("<p>Größe: 5 €</p>".encode(), "nonsense"),
        ("<p>Größe: 5 €</p>".encode("windows-1252"), ""),
    ],
)
def test_page_is_read_in_its_own_encoding(data: bytes, charset: str) -> None:
    reading = read_html(data, stem="x", defaults=EN, charset=charset)
    assert "Größe: 5 €" in reading.articles[0].content.body


@pytest.mark.parametrize("page", ["<html></html>", "<nav>Menu</nav><script>x</script>", "<!-- -->"])
def test_page_without_text_is_refused(page: str) -> None:
    with pytest.raises(BadInput):
        read_one("x.html", page)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", f"<title>a{' ' * 300_000}b</title><p>Hello.</p>"),
        ("a.html", f"<h1>a{'#' * 300_000}b</h1><p>Hello.</p>"),
        ("a.html", f"<h1>a{'[' * 300_000}b</h1><p>Hello.</p>"),
        ("a.html", f"<meta charset=punycode><p>Hello.</p>{'a' * 900_000}-{'a' * 900_000}"),
        ("a.md", f"---\ntitle: a\n---\n# a{'#' * 300_000}b\n\nHello."),
    ],
    ids=["spaces", "hashes", "brackets", "punycode", "markdown"],
)
def test_file_that_is_made_to_take_long_is_read_soon(name: str, data: str) -> None:
    read = read_one(name, data)
    assert read.content.title.startswith("a")
    assert "Hello." in read.content.body


def test_heading_is_read_without_its_closing_marks() -> None:
    for name in ("a.md", "a.html"):
        text = "# Tents ##\n\nText." if name == "a.md" else "<h1>Tents ##</h1><p>Text.</p>"
        assert read_one(name, text).content.title == "Tents"


def test_pdf_becomes_paragraphs_under_headings() -> None:
    first = [
        (8, "Acme manual 3"), (24, "Tent care"), (11, "Dry the tent before you fold it, other-"),
        (11, "wise it will mould."), (18, "Poles"), (11, "- begin in the middle"),
        (11, "- fold each half"), (11, "of it"), (9, "Page 1 of 3"),
    ]  # fmt: skip
    others = [
        [(8, f"Acme manual {at}"), (11, f"Text of the page {'ab'[at - 4]}."), (9, f"Page {at}")]
        for at in (4, 5)
    ]
    article = read_one("tent.pdf", pdf_file([first, *others]))
    assert article.content.title == "Tent care"
    assert article.content.body == (
        "Dry the tent before you fold it, otherwise it will mould.\n\n## Poles\n\n"
        "- begin in the middle\n\n- fold each half of it Text of the page a. Text of the page b."
    )


def test_pdf_is_called_as_it_says() -> None:
    data = pdf_file([[(11, "Some text.")]], title="From the metadata")
    assert read_one("x.pdf", data).content.title == "From the metadata"
    assert read_one("x.pdf", pdf_file([[(11, "Some text.")]])).content.title == "x"


def test_pdf_that_goes_on_and_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    long = [(9, "word " * 20_000)]
    with pytest.raises(BadInput, match="more than 200,000 characters"):
        read_one("long.pdf", pdf_file([long] * 6))
    monkeypatch.setattr(pdf, "MAX_SECONDS", 0.0)
    with pytest.raises(BadInput, match="takes longer"):
        read_one("slow.pdf", pdf_file([[(9, "word")]]))


def test_scanned_pdf_is_refused_with_the_reason() -> None:
    with pytest.raises(BadInput, match="scanned"):
        read_one("x.pdf", pdf_file([[], []]))


@pytest.mark.parametrize("name", ["x.pdf", "x.docx"])
@pytest.mark.parametrize("data", [b"not at all", b"%PDF-1.4\n%%EOF", zip_file({"a": "b"})])
def test_file_that_is_something_else_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(BadInput):
        read_one(name, data)


def test_word_file_keeps_headings_lists_and_tables() -> None:
    body = "".join(
        [
            paragraph("Tent care", style="Title"),
            paragraph("Dry it <first>."),
            paragraph("Poles", style="heading2"),
            paragraph("one", list_id=1),
            paragraph("two", list_id=1),
            paragraph("first", list_id=2),
            table([["Part", "Price"], ["Pole", "12"]]),
        ]
    )
    article = read_one("Tent care.docx", docx_file(body))
    assert (article.slug, article.content.title) == ("tent-care", "Tent care")
    text = article.content.body
    assert text.startswith("Dry it <first>.\n\n## Poles\n\n- one\n- two")
    assert "1. first" in text
    assert "| Part | Price |\n| --- | --- |\n| Pole | 12 |" in text


def questions(text: str | bytes) -> Reading:
    data = text.encode() if isinstance(text, str) else text
    return read_file(data, name="faq.csv", defaults=EN)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_pairs_are_read_whatever_parts_them(delimiter: str, mark: str) -> None:
    rows = ["Question", "Answer", "Tags"], ["How long?", '"Two days,\r\nor; three"', '"a, b"']
    text = mark + "\r\n".join(delimiter.join(row) for row in rows)
    (article,) = questions(text).articles
    assert (article.slug, article.content.title) == ("how-long", "How long?")
    assert article.content.body == "Two days,\nor; three"
    assert article.content.tags == ("a", "b")


def test_two_columns_need_no_names() -> None:
    (article,) = questions("How long?,Two days\n").articles
    assert (article.content.title, article.content.body) == ("How long?", "Two days")


def test_questions_with_one_answer_become_one_article() -> None:
    reading = questions(
        "question,answer,locale,audience,slug\nHow long?,Two days,,,shipping-time\n"
        "When does it come?,Two days,,,\nHow long?,Two days,,,\nDelivery time,Two days,,,\n"
        "Wie lange?,Two days,de,,\nInside?,Two days,,internal,\n"
    )
    assert not reading.errors
    first, german, internal = reading.articles
    assert (first.slug, first.content.title) == ("shipping-time", "How long?")
    assert first.content.body == "## When does it come? \u00b7 Delivery time\n\nTwo days"
    assert (german.content.locale, internal.content.audience) == ("de", "internal")


def test_many_alternatives_are_all_found_again() -> None:
    rows = "\n".join(f"Is this the question number {at}?,Yes" for at in range(40))
    (article,) = questions(f"question,answer\n{rows}").articles
    headings = [line for line in article.content.body.split("\n") if line.startswith("## ")]
    assert all(len(line) <= 400 for line in headings)
    assert all(f"number {at}?" in article.content.body for at in range(1, 40))


def test_bad_rows_are_told_and_the_rest_goes_on() -> None:
    reading = questions("question,answer\nOne?,\n,Two\nThree?,x\nThree?,y\nFour?,z\n")
    assert [one.content.title for one in reading.articles] == ["Three?", "Four?"]
    assert set(reading.errors) == {"row 2", "row 3", "row 5"}
    assert "row 4" in reading.errors["row 5"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("a,b,c\n1,2,3", "must name the columns"),
        (b"question,answer\nCaf\xe9?,x", "UTF-8"),
        ('question,answer\nx,"open', "line"),
    ],
)
def test_file_of_pairs_is_refused_with_the_reason(text: str | bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        questions(text)


def test_question_in_any_script_gets_a_steady_slug() -> None:
    slugs = {questions("question,answer\n返品できますか,はい").articles[0].slug for _ in range(2)}
    assert len(slugs) == 1
    assert slugs.pop().startswith("article-")


def test_unknown_ending_is_refused() -> None:
    with pytest.raises(BadInput, match=r"\.exe are not read"):
        read_one("x.exe", b"MZ")


def load_all(data: bytes) -> tuple[dict[str, Reading], dict[str, str]]:
    read, refused = {}, {}
    for part in upload_batch(data, name="all.ZIP", defaults=EN).parts:
        try:
            read[part.name] = part.load()
        except BadInput as error:
            refused[part.name] = error.detail
    return read, refused


def test_archive_is_read_file_by_file() -> None:
    files = {"a.md": "# A\none", "b/c.md": "# C\ntwo", "d.exe": "x", "b.zip": zip_file({"e": ""})}
    noise = {"__MACOSX/a.md": "x", ".hidden.md": "x", "b/.DS_Store": "x"}
    read, refused = load_all(zip_file(files | noise))
    assert set(read) == {"a.md", "b/c.md"}
    assert set(refused) == {"d.exe", "b.zip"}


@pytest.mark.parametrize("name", ["../a.md", "/etc/a.md", "b/../../a.md", "C:\\a.md", "b\\a.md"])
def test_archive_with_a_path_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="leads out"):
        load_all(zip_file({name: "# A\none"}))


def test_archive_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="packed more than"):
        load_all(zip_file({"a.md": b"\0" * 15_000_000}))
    with pytest.raises(BadInput, match="packed more than"):
        read_one("x.docx", zip_file({"word/document.xml": b"\0" * 15_000_000}))
    with pytest.raises(BadInput, match="more than 20,000,000"):
        load_all(zip_file({"a.md": b"\0" * 20_000_001}))
    with pytest.raises(BadInput, match=r"more than 1,000 files"):
        load_all(zip_file({f"{at}.md": "" for at in range(1_001)}))
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 10)
    with pytest.raises(BadInput, match="more than 10 bytes"):
        load_all(zip_file({"a.md": "123456", "b.md": "123456"}))


def test_member_that_lies_about_its_size_is_refused() -> None:
    data = zip_file({"a.md": "# A\n" + "x" * 5_000})
    assert load_all(data)[0]
    # The sizes in the local header and in the directory: 5,004 becomes 4.
    lying = data.replace((5_004).to_bytes(4, "little"), (4).to_bytes(4, "little"))
    assert lying != data
    assert not load_all(lying)[0]


def test_locked_archive_is_refused() -> None:
    data = bytearray(zip_file({"a.md": "# A\none"}))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    with pytest.raises(BadInput, match="password"):
        load_all(bytes(data))


def test_archive_of_a_later_format_is_refused_with_words() -> None:
    data = bytearray(zip_file({"a.md": b"# A\n\nText."}))
    place = data.index(b"PK\x01\x02") + 6  # the version needed, in the directory at the end
    data[place : place + 2] = (99).to_bytes(2, "little")
    with pytest.raises(BadInput, match="not a ZIP archive"):
        archive.open_archive(bytes(data))
