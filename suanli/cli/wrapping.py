"""Where a line of Chinese ends: between any two characters, but never before what closes nor after what opens.

rich ends lines at spaces, of which Chinese has few: it would move a whole clause to the next line, and cut off one that
is wider than the terminal.
"""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from rich.containers import Lines
from rich.text import Text

_CLOSING = frozenset("，。、；：？！）」』】》…,.;:?!)]}%")
_OPENING = frozenset("（「『【《([{")


class ChineseText(Text):
    """A text whose lines end where Chinese may end them."""

    def wrap(self, console: Any, width: int, **more: Any) -> Lines:
        """As rich's own; alignment and tabs are not asked for by what is drawn here."""
        del console, more
        lines = Lines()
        for line in self.split(allow_blank=True):
            pieces = line.divide(ends(line.plain, width))
            for piece in pieces:
                piece.rstrip_end(width)
            lines.extend(pieces)
        return lines


def ends(text: str, width: int) -> list[int]:
    """The offsets at which lines of at most this width end; a word that is wider is broken."""
    found: list[int] = []
    begin, possible, filled = 0, 0, 0
    for place, letter in enumerate(text):
        if place > begin and _may_end(text[place - 1], letter):
            possible = place
        filled += cell_len(letter)
        while filled > width and not letter.isspace() and place > begin:
            begin = possible if possible > begin else place
            found.append(begin)
            filled = cell_len(text[begin : place + 1])
    return found


def _may_end(before: str, after: str) -> bool:
    if before in _OPENING or after in _CLOSING:
        return False
    return before.isspace() or (not after.isspace() and 2 in (cell_len(before), cell_len(after)))
