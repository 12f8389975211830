"""The errors a person meets, each with the exit code that tells a script whose fault it is.

SuanliError (1: the answer is no)
├── Conflict (1: someone else was faster)
│   └── StillUnderWay (1: the same is being done at this moment)
├── Forbidden (1: this one may not)
├── InputError (2: a file, an option or a value is wrong; lists every problem found)
│   └── Unknown (2: there is nothing of that name)
└── Unavailable (3: something we depend on is down)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in what a person gave us: where it is and what was expected there."""

    message: str
    file: str = ""
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        return self.with_message(self.message)

    def with_message(self, message: str) -> str:
        """Where it is, and this of it."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.key, message) if part)


class SuanliError(Exception):
    """The request was understood and the answer is no."""

    exit_code = 1


class Conflict(SuanliError):
    """What was looked at has changed meanwhile; nothing of this request was recorded."""


class StillUnderWay(Conflict):
    """The same request is being carried out; asked again after `retry_after` seconds, it has its answer."""

    retry_after = 1


class Forbidden(SuanliError):
    """Who asks may not do this; nothing has been changed."""


class InputError(SuanliError):
    """What was given is wrong; nothing has been changed."""

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Unknown(InputError):
    """What was named is not there, or not for who asks."""


class Unavailable(SuanliError):
    """Something that this command depends on does not work now."""

    exit_code = 3
