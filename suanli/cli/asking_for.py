"""What a command still needs and nobody said: asked for where a person sits at a terminal, else named as missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from suanli.cli.language import _
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.catalog.accelerators import Accelerator


_MOST = 20
"""Rows of the catalogue to choose from; more would scroll away."""


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
        from rich.prompt import Prompt

        answer = ""
        while not answer:
            answer = _in_words(Prompt).ask(question, choices=list(choices) or None) or ""
        return answer

    def raise_any(self) -> None:
        """An InputError that names every option that is missing."""
        if self._options:
            raise InputError(
                [Problem(Message("is needed where nobody can be asked"), key=option) for option in self._options]
            )

    def model(self, text: str, question: str) -> str:
        """The id of the catalogue's row that this text means; asked about where it may mean several."""
        from suanli.catalog.accelerators import load_accelerators

        found = load_accelerators().meant(text)
        if len(found) == 1:
            return found[0].id
        if not found or not self.at_terminal:
            raise InputError(Problem(_ambiguous(text, found), key="--model"))
        from rich.prompt import IntPrompt

        shown = found[:_MOST]
        for place, row in enumerate(shown, 1):
            print(f"  {place:>2}  {row.id}  ({row.name})")
        chosen = int(_in_words(IntPrompt).ask(question, choices=[str(place) for place in range(1, len(shown) + 1)]))
        return shown[chosen - 1].id


def _ambiguous(text: str, found: Sequence[Accelerator]) -> str:
    if not found:
        return Message("model {model!r} is not in the catalogue; see suanli/catalog/accelerators.csv", model=text)
    return Message("{text!r} may be {known}", text=text, known=", ".join(row.id for row in found[:8]))


def _in_words(kind: Any) -> Any:
    """This kind of prompt, with its complaints in the language spoken."""

    class Asked(kind):  # type: ignore[misc] # rich's, which is imported where it is asked for
        illegal_choice_message = _("please select one of the available options")
        validate_error_message = _("please enter a whole number")

    return Asked
