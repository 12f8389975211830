"""What a person writes after a command, read: days and times, SITE/POOL, and the values of a model."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound="BaseModel")


def day_or_time(option: str, text: str) -> date | datetime:
    """2026-11-24 as a day, 2026-11-24T08:00 (local) or with an offset as a time; an InputError for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            Problem(Message("{text!r} is no date or time such as 2026-11-24T08:00", text=text), key=option)
        ) from None
    return moment.date() if len(text) <= len("2026-11-24") else moment


def site_and_pool(text: str, *, pool_needed: bool = True) -> tuple[str, str | None]:
    """SITE/POOL, or SITE alone where no pool is needed."""
    site, stroke, pool = text.partition("/")
    if site and (pool if stroke else not pool_needed) and "/" not in pool:
        return site, pool or None
    expected = "SITE/POOL" if pool_needed else Message("SITE or SITE/POOL")
    raise InputError(Problem(Message("expected {expected}, not {text!r}", expected=expected, text=text)))


def pool_of(text: str) -> tuple[str, str]:
    """SITE/POOL."""
    site, pool = site_and_pool(text)
    return site, pool or ""


def made(model: type[Model], values: dict[str, Any]) -> Model:
    """The model of these values; an InputError names the option of every one that cannot be."""
    from pydantic import ValidationError

    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors(include_url=False)]
        raise InputError(problems) from None


def _problem(detail: ErrorDetails) -> Problem:
    from suanli.model.findings import plain

    option = f"--{detail['loc'][0]}" if detail["loc"] else ""
    return Problem(plain(detail), key=option)
