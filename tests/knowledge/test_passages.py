"""The splitting of articles into passages."""

import pytest

from knowledge.passages import HEADING_SEPARATOR, MAX_CHARACTERS, TARGET_CHARACTERS, split_markdown

TABLE = "| size | chest |\n|---|---|\n" + "\n".join(f"| {n} | {n} cm |" for n in range(60))
LIST = "\n".join(f"- step {n} of the list, spelled out at some length" for n in range(30))
FENCE = "```\n# not a heading\n\n| not | a table |\n```"


def headings(body: str, *, title: str = "") -> list[str]:
    passages = split_markdown(body, title=title)
    return [passage.heading.replace(HEADING_SEPARATOR, " > ") for passage in passages]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", []),
        ("   \n\n", []),
        ("# Only a heading", []),
        ("plain", [""]),
        ("# A\nx\n## B\ny\n### C\nz\n## D\nw", ["A", "A > B", "A > B > C", "A > D"]),
        ("### Deep\nx\n# High\ny", ["Deep", "High"]),
        ("Setext\n======\nx", ["Setext"]),
        ("# **Bold** and [link](http://x.example)\nx", ["Bold and link"]),
        (f"# A\n{FENCE}", ["A"]),
    ],
)
def test_heading_path_is_kept_for_each_section(body: str, expected: list[str]) -> None:
    assert headings(body) == expected


def test_heading_is_left_out_when_it_repeats_the_title() -> None:
    assert headings("# Returns\nx\n## How\ny", title="returns") == ["", "How"]


@pytest.mark.parametrize("block", [TABLE, LIST, FENCE])
def test_block_stays_whole_when_it_is_under_the_limit(block: str) -> None:
    filler = "A sentence of some length stands here. " * 15
    passages = split_markdown(f"{filler}\n\n{block}\n\n{filler}")
    assert TARGET_CHARACTERS < len(block) < MAX_CHARACTERS or block == FENCE
    assert any(block in passage.text for passage in passages)


def test_lead_in_stays_with_its_list() -> None:
    filler = "A sentence of some length stands here. " * 15
    passages = split_markdown(f"{filler}\n\nYou will need:\n\n{LIST}")
    assert any(f"You will need:\n\n{LIST}" in passage.text for passage in passages)


@pytest.mark.parametrize("block", [TABLE, LIST])
@pytest.mark.parametrize("lead", ["Sizes run small.", "These are the sizes:"])
def test_paragraph_before_a_block_stays_with_it(block: str, lead: str) -> None:
    filler = "A sentence of some length stands here. " * 15
    passages = split_markdown(f"{filler}\n\n{lead}\n\n{block}\n\n{filler}")
    assert [passage.text.startswith(lead) for passage in passages] == [False, True, False]
    assert passages[1].text == f"{lead}\n\n{block}"


def test_paragraph_is_left_when_it_and_the_block_are_too_long() -> None:
    filler = "A sentence of some length stands here. " * 20
    block = "\n".join(f"- {'x' * 97}" for _ in range(23))
    assert len(block) < MAX_CHARACTERS < len(filler) + len(block)
    passages = split_markdown(f"{filler}\n\n{block}")
    assert [passage.text for passage in passages] == [filler.strip(), block]


def test_table_repeats_its_head_when_it_is_cut() -> None:
    rows = [f"| {number} | {'wide ' * 10}|" for number in range(200)]
    passages = split_markdown("| size | chest |\n|---|---|\n" + "\n".join(rows))
    assert len(passages) > 1
    assert all(passage.text.startswith("| size | chest |\n|---|---|\n") for passage in passages)
    kept = [line for passage in passages for line in passage.text.split("\n")[2:]]
    assert kept == rows


@pytest.mark.parametrize(
    "body",
    ["One sentence follows another one here. " * 200, "word " * 2_000, "x" * 9_000, "字" * 3_000],
)
def test_long_paragraph_is_cut_without_loss(body: str) -> None:
    passages = split_markdown(body)
    assert all(0 < len(passage.text) <= TARGET_CHARACTERS for passage in passages)
    assert "".join("".join(one.text.split()) for one in passages) == "".join(body.split())


def test_positions_count_from_zero_without_gaps() -> None:
    passages = split_markdown("# A\nx\n# B\n" + "y. " * 2_000)
    assert [passage.position for passage in passages] == list(range(len(passages)))


def test_odd_line_ends_move_no_text_between_sections() -> None:
    passages = split_markdown("# A\r\nfirst\x0cpage\u2028line\r\n# B\r\nsecond")
    assert [passage.heading for passage in passages] == ["A", "B"]
    assert passages[1].text == "second"
