"""Help and complaints about the command line in the language spoken, though the texts in the code are English.

Typer makes a tree of commands of the code; its texts are exchanged here, when help is about to be drawn. A text is
translated paragraph by paragraph, so that a change of one leaves the others as they are.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException

from suanli.cli.language import _, spoken

RICH_WORDS = {
    "DEPRECATED_STRING": "(deprecated) ",
    "DEFAULT_STRING": "[default: {}]",
    "ENVVAR_STRING": "[env var: {}]",
    "REQUIRED_LONG_STRING": "[required]",
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commands",
    "ERRORS_PANEL_TITLE": "Error",
    "ABORTED_TEXT": "Aborted.",
    "RICH_HELP": "Try [blue]'{command_path} {help_option}'[/] for help.",
}
"""What Typer says in frames around help and errors: it asks gettext once, when the module that draws is imported."""
USAGE = "Usage: "
METAVARS = ("[OPTIONS]", "COMMAND [ARGS]...")
COMPLAINTS = (
    "Invalid value for {hint}: {told}",
    "Invalid value: {told}",
    "Value error, {told}",
    "Missing option {hint}.",
    "Missing argument {hint}.",
    "Missing command.",
    "No such option: {name} (Possible options: {options})",
    "No such option: {name}",
    "No such command {name}. Did you mean {suggestions}?",
    "No such command {name}.",
    "Got unexpected extra argument(s) ({words})",
    "Option {name} requires an argument.",
    "Option {name} does not take a value.",
    "{value} is not one of {choices}.",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid number, unable to parse string as a number",
    "Input should be greater than or equal to {least}",
    "Input should be less than or equal to {most}",
)
"""What Typer complains about, which comes filled in: it is taken apart by these, and put together in Chinese."""


class SpokenGroup(TyperGroup):
    """The root of the tree of commands."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        if spoken() != "en":
            _when_drawn(self)
            if more.get("resilient_parsing"):  # completion shows help without drawing it
                exchange(self)
        _set_rich_words()
        with _complaining():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        with _complaining():
            return super().invoke(ctx)


def paragraphs(text: str) -> list[str]:
    """Each paragraph of a help text, in one line: what is translated at once."""
    return [" ".join(one.split()) for one in inspect.cleandoc(text).split("\n\n")]


def texts(command: Any) -> Iterator[str]:
    """Every paragraph that the help of this command and of all below it may show, in English."""

    def seen(text: str) -> str:
        found.extend(paragraphs(text))
        return text

    found: list[str] = []
    exchange(command, seen)
    yield from found


def exchange(command: Any, said: Callable[[str], str] | None = None) -> None:
    """Give this command and all below it the texts that `said` makes of theirs; by default in the language spoken."""
    say = said or _said
    for owner in (command, *command.params, command.get_help_option(_context(command))):
        for name in ("help", "short_help", "epilog"):
            if text := getattr(owner, name, None):
                setattr(owner, name, say(text))
    command.options_metavar = _(METAVARS[0])
    if isinstance(command, TyperGroup):
        command.subcommand_metavar = _(METAVARS[1])
        for inner in command.commands.values():
            exchange(inner, said)


def complaint(told: str) -> str:
    """What Typer complains about, in the language spoken; as it is where it is none of those known."""
    for template in COMPLAINTS:
        if found := _pattern(template).fullmatch(told):
            values = {name: complaint(value) for name, value in found.groupdict().items()}
            return _(template).format(**values)
    return told


def _said(text: str) -> str:
    return "\n\n".join(_(one) for one in paragraphs(text))


def _context(command: Any) -> Any:
    """Only to ask for the option of help, which is made when it is first asked for."""
    return command.context_class(command)


def _when_drawn(command: Any) -> None:
    """Let this command and all below it exchange their texts when, and only when, help or a usage line is asked for."""
    command.context_class = _drawing(command.context_class)
    for inner in getattr(command, "commands", {}).values():
        _when_drawn(inner)


@cache
def _drawing(kind: Any) -> Any:
    """This class of context, which exchanges texts before anything is drawn, with our word for `Usage`."""

    class Formatter(kind.formatter_class):  # type: ignore[misc] # Typer keeps its base to itself
        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, _(USAGE) if prefix is None else prefix)

    class Context(kind):  # type: ignore[misc] # Typer keeps its base to itself
        formatter_class = Formatter

        def make_formatter(self) -> Any:
            exchange(self.command)
            _fold()
            return super().make_formatter()

    return Context


def _set_rich_words() -> None:
    """Where the drawing module is there already, in whatever language; it is slow to import, and seldom needed."""
    if drawing := sys.modules.get("typer.rich_utils"):
        for name, english in RICH_WORDS.items():
            setattr(drawing, name, _(english))


def _fold() -> None:
    """Let what Typer draws end its lines as Chinese does; only asked for where something is about to be drawn."""
    from typer import rich_utils

    make: Any = rich_utils._make_rich_text
    if not isinstance(make, partial):
        rich_utils._make_rich_text = partial(_folding, make)


def _folding(make: Callable[..., Any], **drawn: Any) -> Any:
    from suanli.cli.wrapping import ChineseText

    made = make(**drawn)
    return made if spoken() == "en" else ChineseText(made.plain, style=made.style, spans=made.spans, end="\n")


@contextmanager
def _complaining() -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        told = complaint(error.format_message())
        error.format_message = lambda: told  # type: ignore[method-assign] # of this one error
        raise


def _pattern(template: str) -> re.Pattern[str]:
    """The filled-in template, with a group for each of its places."""
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{one}>.+)" if place % 2 else re.escape(one) for place, one in enumerate(parts)))
