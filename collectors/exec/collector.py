"""Starts the program that config.yaml gives the site, and reads what it prints."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field, model_validator

import collectors.base as base
from collectors.base import Http, Refused, Unreadable
from collectors.exec.parse import parse
from collectors.exec.running import Run, run
from suanli.model.errors import InputError
from suanli.model.grants import Program
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.secret import Hidden

_USUAL = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_LONGEST = 200


class ExecSettings(base.Settings):
    """program: the name that config.yaml gives it, under `programs`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    reached_by: ClassVar[base.ReachedBy] = "program"
    program: str = Field(min_length=1, max_length=63)

    @model_validator(mode="before")
    @classmethod
    def _never_in_a_registry(cls, value: object) -> object:
        if isinstance(value, dict) and value.keys() & {"command", "args", "env", "secrets"}:
            raise ValueError(
                "what is started here is said in config.yaml alone, under programs: name it (program: NAME), "
                "and let whoever runs this instance add it there"
            )
        return value


class ExecCollector:
    """One program."""

    Settings: ClassVar[type[base.Settings]] = ExecSettings

    def __init__(self, site: PolledSite, settings: ExecSettings, _http: Http) -> None:
        self._site, self._name = site, settings.program

    async def collect(self, now: int) -> list[Sample]:
        program = self._site.grants.program(self._name)
        if program is None:
            raise Refused(f"config.yaml gives site {self._site.id} no program {self._name}: see programs there")
        told, secrets = f"program {self._name}", _revealed(program)
        environment = {**_USUAL, "SUANLI_SITE": self._site.id, **secrets}
        done = await run(program.command, environment, told)
        hidden = Hidden(*secrets.values())
        if done.status != 0:
            raise Unreadable(hidden(f"{told} {_ending(done)}"))
        try:
            return parse(done.printed, self._site, now, told)
        except Unreadable as error:
            raise Unreadable(hidden(str(error))) from None


def _revealed(program: Program) -> dict[str, str]:
    try:
        return {name: ref.reveal().get_secret_value() for name, ref in program.secrets}
    except InputError as error:
        raise Refused(f"program {program.name}: {error}") from None


def _ending(done: Run) -> str:
    said = [line.strip() for line in done.last_words.decode(errors="replace").splitlines() if line.strip()]
    how = f"ended with {done.status}" if done.status > 0 else f"was ended by signal {-done.status}"
    last = "".join(one if one.isprintable() else " " for one in said[-1][:_LONGEST]) if said else ""
    return f"{how}: {last}" if last else f"{how} and said nothing"
