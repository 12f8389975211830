"""What stands before the command: configuration, store, language; and how errors leave the program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from suanli.cli.language import in_words, speak, spoken
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.config import Config
    from suanli.store.sql import Store

DEFAULT_CONFIG = "config.yaml"


@dataclass(slots=True)
class Globals:
    """The global options; None where they were not given."""

    config: Path | None = None
    store: str | None = None
    language: str | None = None
    quiet: bool = False
    server: str | None = None

    def served_by(self) -> str | None:
        """The address of the instance that is to be asked: --server, else SUANLI_SERVER; None: the store itself."""
        return self.server or os.environ.get("SUANLI_SERVER") or None

    def path(self) -> Path | None:
        """Where the configuration is; None when there is none."""
        named = self.config or _path(os.environ.get("SUANLI_CONFIG"))
        if named is None and Path(DEFAULT_CONFIG).exists():
            return Path(DEFAULT_CONFIG)
        return named

    def loaded(self) -> Config:
        """The configuration that applies: --config, else SUANLI_CONFIG, else ./config.yaml, else the defaults."""
        from suanli.config import Config, load_config, store_at

        path = self.path()
        config = Config() if path is None else load_config(path)
        if self.language is None and "language" in config.model_fields_set:
            speak(config.language)
        changes: dict[str, object] = {"language": spoken()}
        if store := self.store or os.environ.get("SUANLI_STORE"):
            changes["store"] = store_at(store)
        return config.model_copy(update=changes)

    def refuse_server(self, why: str = "") -> None:
        """An InputError where a server was named: the command would act here all the same. why: as a part of it."""
        if address := self.served_by():
            plain = Message(
                "this command acts on the store itself, not by {address}; leave --server and SUANLI_SERVER out",
                address=address,
            )
            reasoned = Message(
                "this command acts on the store itself, not by {address}; {why}; leave --server and SUANLI_SERVER out",
                address=address,
                why=why,
            )
            raise InputError(Problem(reasoned if why else plain, key="--server"))

    @contextmanager
    def opened(self, why: str = "") -> Iterator[tuple[Config, Store]]:
        """The configuration and its store; an InputError where a server was named, which this command cannot ask.

        why: what is told of the reason.
        """
        from suanli.record import opened_store

        self.refuse_server(why)
        config = self.loaded()
        with opened_store(config) as store:
            yield config, store


def given(context: typer.Context) -> Globals:
    """The global options of this run."""
    found = context.find_object(Globals)
    return found if found is not None else Globals()


def say(text: str) -> None:
    """A line for the person, beside the data."""
    print(text, file=sys.stderr, flush=True)


def run_told(command: Callable[[], None]) -> None:
    """Run, and end with the exit code and words of the error: what, whose fault, what to do."""
    try:
        command()
    except SuanliError as error:
        say(f"suanli: {in_words(error)}")
        raise SystemExit(error.exit_code) from None


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
