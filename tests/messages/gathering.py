"""Everything that the command line may say: msgids of the code, of the help of every command, and of Typer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer.main
from babel.messages.extract import extract_from_file

from suanli.cli import helping
from suanli.cli.main import app

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for room in ("suanli", "exporter", "collectors") for path in (ROOT / room).rglob("*.py"))
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "Message": None,
    "of": ((1, "c"), 2),
    "several": (1, 2),
}


class Said(NamedTuple):
    """One text of the program: singular and plural where it counts; where it stands, for who has to find it."""

    text: str | tuple[str, str]
    context: str | None
    where: str


def everything() -> dict[tuple[str | tuple[str, str], str | None], Said]:
    """All of it, once each, by text and context."""
    return {(one.text, one.context): one for one in (*of_typer(), *of_help(), *of_code())}


def of_code() -> Iterator[Said]:
    for path in SOURCES:
        where = str(path.relative_to(ROOT))
        for line, text, _comments, context in extract_from_file("python", path, KEYWORDS, strip_comment_tags=True):
            if text and isinstance(text, str | tuple):
                yield Said(_pair(text), context, f"{where}:{line}")


def of_help() -> Iterator[Said]:
    """Help, short help, epilogs and the help of options and arguments of every command."""
    for text in helping.texts(typer.main.get_command(app)):
        yield Said(text, None, "help")


def of_typer() -> Iterator[Said]:
    own = (*helping.RICH_WORDS.values(), helping.USAGE, *helping.METAVARS, *helping.COMPLAINTS)
    for text in own:
        yield Said(text, None, "suanli/cli/helping.py")


def _pair(text: str | tuple[str, ...]) -> str | tuple[str, str]:
    return text if isinstance(text, str) else (text[0], text[1])
