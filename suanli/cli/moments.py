"""Options that are read by hand: moments, and words of which only some are known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message, message_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_MONTH = re.compile(r"\d{4}-\d\d")


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """The value, if it is one of these."""
    if value not in known:
        raise InputError(
            Problem(Message("{value!r} is none of {known}", value=value, known=", ".join(known)), key=option)
        )
    return value


def moment(option: str, text: str | None, zone: ZoneInfo) -> int | None:
    """UTC seconds of a time, a day or a month (its first midnight) in the zone; None of nothing."""
    from datetime import datetime

    from suanli.model.capacity import instant

    if text is None:
        return None
    try:
        return instant(datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text), zone)
    except (ValueError, OverflowError):
        told = Message("{text!r} is no date or time such as 2026-11-24T08:00, 2026-11-24 or 2026-11", text=text)
        raise InputError(Problem(told, key=option)) from None


def length(option: str, text: str | None) -> int | None:
    """Seconds of a duration such as 1h; None of nothing."""
    from suanli.model.units import seconds_of

    try:
        return None if text is None else int(str(seconds_of(text)))
    except ValueError as error:
        raise InputError(Problem(message_of(error), key=option)) from None


@contextmanager
def as_options() -> Iterator[None]:
    """What is wrong with a question is told by the option's name: `from` is `--from` here."""
    from dataclasses import replace

    try:
        yield
    except InputError as error:
        problems = [replace(one, key=f"--{one.key.replace('_', '-')}" if one.key else "") for one in error.problems]
        raise InputError(problems) from None


def local(iso: str, zone: ZoneInfo) -> str:
    """A time of an answer as the zone's clock shows it."""
    from datetime import datetime

    return datetime.fromisoformat(iso).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
