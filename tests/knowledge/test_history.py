"""What one text changed of another."""

import pytest

from knowledge.history import Line, compare_texts


def shown(lines: list[Line]) -> list[str]:
    """Write lines as people note a change: +, -, and what is marked in brackets."""
    signs = {"same": " ", "added": "+", "removed": "-", "gap": "~"}
    return [
        signs[line.kind]
        + "".join(f"[{piece.text}]" if piece.is_marked else piece.text for piece in line.pieces)
        for line in lines
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a\nb", "a\nb", []),
        ("", "", []),
        ("", "a", ["+a"]),
        ("a", "", ["-a"]),
        ("a\nb", "a\nb\nc", [" a", " b", "+c"]),
        (
            "wax them once a year",
            "wax them twice a year",
            ["-wax them [once] a year", "+wax them [twice] a year"],
        ),
        ("wax them", "a tent of two", ["-wax them", "+a tent of two"]),
        ("one two\nleft", "one three", ["-one [two]", "-left", "+one [three]"]),
        ("1\n2\n3\n4\n5", "1\n2\n3\n4\n6", ["~", " 3", " 4", "-5", "+6"]),
        (
            "a\n2\n3\n4\n5\n6\nb",
            "x\n2\n3\n4\n5\n6\ny",
            ["-a", "+x", " 2", " 3", "~", " 5", " 6", "-b", "+y"],
        ),
    ],
)
def test_comparison_of_two_texts(old: str, new: str, expected: list[str]) -> None:
    assert shown(compare_texts(old, new=new)) == expected


def test_both_sides_can_be_read_from_the_lines() -> None:
    old = "## Care\n\nWax boots twice a year.\nNever dry them.\n"
    new = "## Care of boots\n\nWax boots once a year.\n\nNever dry them on a heater.\n"
    lines = compare_texts(old, new=new)
    for text, kept in ((old, {"same", "removed"}), (new, {"same", "added"})):
        side = ["".join(p.text for p in line.pieces) for line in lines if line.kind in kept]
        assert side == text.splitlines()


@pytest.mark.timeout(20)
def test_texts_of_the_largest_size_are_compared_soon() -> None:
    old = "\n".join(["", "a word " * 300] * 90)
    changed = compare_texts(old, new=old.replace("word a", "thing a"))
    assert {line.kind for line in changed} >= {"removed", "added"}
    shortened = compare_texts("\n" * 100_000, new="\n" * 99_000 + "end")
    assert [line.pieces[0].text for line in shortened if line.kind == "added"] == ["end"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([f"{i % 500}" for i in range(50_000)], [f"{i * 7 % 500}" for i in range(50_000)]),
        (
            [f"c{i}\nx{i}" for i in range(10_000)],
            [f"c{i}\ny{i}" for i in range(10_000)],
        ),
    ],
    ids=["repeated", "every second line"],
)
def test_texts_that_are_costly_to_compare_are_told_apart_by_their_ends(
    old: list[str], new: list[str]
) -> None:
    lines = compare_texts("\n".join(["head", *old, "tail"]), new="\n".join(["head", *new, "tail"]))
    same = ["".join(piece.text for piece in line.pieces) for line in lines if line.kind == "same"]
    assert (same[0], same[-1]) == ("head", "tail")
    assert {line.kind for line in lines} >= {"removed", "added"}


@pytest.mark.timeout(20)
def test_words_of_many_long_lines_are_compared_within_a_bound() -> None:
    """Lines that have every second sign of theirs in common are those that take longest."""
    common = [chr(0x2200 + number) for number in range(450)]
    others = [[chr(start + number) for number in range(450)] for start in (0x1F000, 0x1F300)]
    old, new = ("".join(map("".join, zip(common, other, strict=True))) for other in others)
    lines = compare_texts(
        "\n".join(f"{old} {number}" for number in range(180)),
        new="\n".join(f"{new} {number}" for number in range(180)),
    )
    assert any(piece.is_marked for piece in lines[0].pieces)
    assert not any(piece.is_marked for piece in lines[-1].pieces)
