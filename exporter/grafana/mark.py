"""How a board is known again: by a fingerprint of what it says, and by the mark that a push leaves in it.

The mark is a tag, as every version of Grafana keeps those: `suanli-pushed-VERSION-FINGERPRINT`, of the version that the
push became and of what was pushed. A board is untouched while its version is the mark's (nobody has saved since) or
while it still says what was pushed (it was exported and imported, or an older push was restored). Both are asked,
because a later Grafana may add defaults to what it is given, and an import counts versions anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_MARK = re.compile(r"suanli-pushed-([0-9]{1,12})-([0-9a-f]{12})")
_GRAFANAS_OWN = frozenset({"id", "version", "iteration"})
"""What belongs to the Grafana that holds the board, and says nothing about it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Left by a push. fingerprint: of what was pushed, without the mark."""

    version: int
    fingerprint: str

    def __str__(self) -> str:
        return f"suanli-pushed-{self.version}-{self.fingerprint}"


def content(board: Json) -> Json:
    """What the board says: the same for two boards that look and ask alike, whoever holds them."""
    said = {key: value for key, value in board.items() if key not in _GRAFANAS_OWN}
    return said | {"tags": sorted(tag for tag in board.get("tags") or [] if not _MARK.fullmatch(str(tag)))}


def fingerprint(board: Json) -> str:
    """Twelve hexadecimal digits of the content."""
    canonical = json.dumps(content(board), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def marked(board: Json, version: int) -> Json:
    """The board as it is pushed to become this version."""
    said = content(board)
    return said | {"tags": [*said["tags"], str(Mark(version, fingerprint(board)))]}


def mark_of(board: Json) -> Mark | None:
    """The mark in a board; None where none was left, or where it was taken out."""
    found = [match for tag in board.get("tags") or [] if (match := _MARK.fullmatch(str(tag)))]
    return Mark(int(found[0][1]), found[0][2]) if len(found) == 1 else None


def untouched(board: Json) -> bool:
    """Whether nobody has changed the board since it was pushed."""
    mark = mark_of(board)
    return mark is not None and (mark.version == board.get("version") or mark.fingerprint == fingerprint(board))


def says(board: Json, wanted: Json) -> bool:
    """Whether the board in Grafana is what is wanted, so that another push would only make a version more."""
    aim = fingerprint(wanted)
    mark = mark_of(board)
    pushed = untouched(board) and mark is not None and mark.fingerprint == aim
    return pushed or fingerprint(board) == aim
