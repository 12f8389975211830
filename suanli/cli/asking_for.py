"""What a command still needs and nobody said: asked for where a person sits at a terminal, else named as missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from suanli.model.errors import InputError, Problem

if TYPE_CHECKING:
    from suanli.catalog.accelerators import Accelerator


class Missing:
    """Collects what is missing, so that all of it is told at once where nobody can be asked."""

    def __init__(self) -> None:
        self._options: list[str] = []
        self.at_terminal = sys.stdin.isatty() and sys.stdout.isatty()

    def text(self, option: str, given: str | None, question: str, choices: Sequence[str] = ()) -> str:
        """What was given; else the answer to the question."""
        if given is not None:
            return given
        if not self.at_terminal:
            self._options.append(option)
            return ""
        import click

        kind = click.Choice(list(choices)) if choices else None
        return str(typer.prompt(question, type=kind))

    def raise_any(self) -> None:
        """An InputError that names every option that is missing."""
        if self._options:
            raise InputError([Problem("is needed where nobody can be asked", key=option) for option in self._options])

    def model(self, text: str, question: str) -> str:
        """The id of the catalogue's row that this text means; asked about where it may mean several."""
        from suanli.catalog.accelerators import load_accelerators

        found = load_accelerators().meant(text)
        if len(found) == 1:
            return found[0].id
        if not found or not self.at_terminal:
            raise InputError(Problem(_ambiguous(text, found), key="--model"))
        for place, row in enumerate(found[:20], 1):
            typer.echo(f"  {place:>2}  {row.id}  ({row.name})", err=True)
        import click

        chosen = typer.prompt(question, type=click.IntRange(1, min(len(found), 20)))
        return found[int(chosen) - 1].id


def _ambiguous(text: str, found: Sequence[Accelerator]) -> str:
    if not found:
        return f"model {text!r} is not in the catalogue; see suanli/catalog/accelerators.csv"
    return f"{text!r} may be {', '.join(row.id for row in found[:8])}"
