"""Chinese text goes on in the next line: whole, within the width, with its punctuation where it belongs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding

from suanli.cli.wrapping import ChineseText, ends

TEXTS = st.text(st.sampled_from("容量台账上线率abc Z09-_/（）「」，。、：；"), max_size=60)


def lines(text: str, width: int) -> list[str]:
    offsets = [0, *ends(text, width), len(text)]
    return [text[begin:end] for begin, end in pairwise(offsets)]


@given(TEXTS, st.integers(2, 30))
def test_nothing_is_lost_and_nothing_is_wider(text: str, width: int) -> None:
    found = lines(text, width)
    assert "".join(found) == text
    assert all(cell_len(line.rstrip()) <= width for line in found)
    assert all(found[:-1])


@given(TEXTS, st.integers(2, 30))
def test_what_fits_is_one_line(text: str, width: int) -> None:
    assert (len(lines(text, width)) == 1) == (cell_len(text.rstrip()) <= width)


@pytest.mark.parametrize(
    ("text", "width", "told"),
    [
        ("容量台账。", 8, ["容量台", "账。"]),
        ("容量（台账）", 6, ["容量", "（台", "账）"]),
        ("用 --limit 调整条数", 10, ["用 --limit ", "调整条数"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("。。。。", 4, ["。。", "。。"]),
        ("ab cd", 5, ["ab cd"]),
        ("ab cd", 4, ["ab ", "cd"]),
        ("a算b", 3, ["a算", "b"]),
        ("a算。", 3, ["a", "算", "。"]),  # no width is left for both: what closes begins a line rather than stand out
    ],
)
def test_where_lines_end(text: str, width: int, told: list[str]) -> None:
    assert lines(text, width) == told


def test_it_is_drawn_so_and_paragraphs_stay() -> None:
    console = Console(width=8, color_system=None)
    with console.capture() as seen:
        console.print(Padding(ChineseText("容量台账。\n\n上线率")))
    assert [line.rstrip() for line in seen.get().splitlines()] == ["容量台", "账。", "", "上线率"]
