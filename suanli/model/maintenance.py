"""Maintenance windows: one stretch of time, or one that a rule of RFC 5545 repeats by the local clock.

A repeated window starts and ends when the local clock says so, on both sides of a change of the clock: people announce
"22:00 to 06:00", so that night lasts an hour more or less, where the RFC would keep the seconds. A clock time is the
first moment at which the clock shows it *or a later one*. So a time that comes twice is the earlier (as PEP 495 reads
it); one that is skipped is the moment of the change, not an hour past it: stretches that do not overlap by the clock
never do, and one that lies wholly in skipped time has no second and is left out (but is counted by COUNT).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr  # type: ignore[import-untyped] # the package ships no types
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from suanli.model.capacity import Moment
from suanli.model.message import Message, message_of
from suanli.model.site import Id
from suanli.model.text import PLAIN

Policy = Literal["exclude", "include", "hold"]

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# How long we look for occurrences that overlap: a leap year is among these.
_LOOKED_AT = 5 * 366 * _DAY
# Of a rule with such an interval only the first period is ever made: it does not divide into 24 hours either.
_ONLY_THE_FIRST = 9_999_991
_LAST_SECOND = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp())
_FIXED_STEPS = {"HOURLY": timedelta(hours=1), "DAILY": _DAY, "WEEKLY": 7 * _DAY}
_FREQUENCIES = (*_FIXED_STEPS, "MONTHLY", "YEARLY")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")
# What dateutil reads without a word: an interval of 0 never ends, a month 13 never comes.
_NUMBERS = {
    "INTERVAL": range(1, 10_001),
    "COUNT": range(1, 10_001),
    "BYSECOND": range(60),
    "BYMINUTE": range(60),
    "BYHOUR": range(24),
    "BYMONTH": range(1, 13),
    "BYMONTHDAY": range(1, 32),
    "BYYEARDAY": range(1, 367),
    "BYWEEKNO": range(1, 54),
    "BYSETPOS": range(1, 367),
}
_FROM_THE_END = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
_NAMES = {"FREQ", "UNTIL", "BYDAY", "WKST", *_NUMBERS}


def _checked(rule: str) -> str:
    """The rule as it was written; a ValueError says what was expected in it."""
    parts = _parts(rule)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError(
            Message(
                "expected FREQ to be one of {known}: a window repeats once an hour at most",
                known=", ".join(_FREQUENCIES),
            )
        )
    if {"COUNT", "UNTIL"} <= parts.keys():
        raise ValueError(Message("expected COUNT or UNTIL, not both"))
    if parts["FREQ"] == "HOURLY" and "BYHOUR" in parts:
        raise ValueError(Message("expected no BYHOUR beside FREQ=HOURLY: write FREQ=DAILY with these hours"))
    if parts["FREQ"] in _FIXED_STEPS and re.search(r"\d", parts.get("BYDAY", "")):
        raise ValueError(Message("expected BYDAY without numbers: only months and years count their weekdays"))
    _last_start(parts)
    try:
        _rrule(parts, datetime(2000, 1, 1))  # noqa: DTZ001 - whichever day it is
    except (ValueError, TypeError) as error:
        raise ValueError(Message("expected a recurrence rule of RFC 5545: {error}", error=message_of(error))) from None
    for name in [name for name in parts if name in _NUMBERS]:
        _check_numbers(name, parts[name])
    return rule


class Window(BaseModel):
    """As a person writes it: a day is midnight in the configured zone, `until` is exclusive.

    With a rule these two are the first occurrence. `first_occurrence` refuses what only the zone can tell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
    site: Id
    pool: Id | None = None
    start: Moment = Field(alias="from")
    end: Moment = Field(alias="until")
    rule: Annotated[str, Field(max_length=500), AfterValidator(_checked)] | None = None
    policy: Policy = "exclude"
    reason: str = Field(min_length=1, max_length=500, pattern=PLAIN)

    @model_validator(mode="after")
    def _in_order(self) -> Window:
        # One with an offset and one without compare only in the zone.
        if (_wall(self.start).tzinfo is None) == (_wall(self.end).tzinfo is None):
            _seconds(self, ZoneInfo("UTC"))
        return self


def first_occurrence(window: Window, zone: ZoneInfo) -> tuple[int, int]:
    """[start, end) of the window, or of its first occurrence, in UTC seconds: what `occurrences` begins with.

    A ValueError if the window is empty in this zone, or if its rule does not begin with it, or if occurrences of five
    years overlap: an overlap is a slip of the pen, and under `hold` it would leave two states to choose from.
    """
    start, end = _seconds(window, zone)
    if window.rule is not None:
        for moment in (window.start, window.end):
            _check_exists(moment, zone)
        _check_rule(window.rule, _clock(start, zone), _clock(end, zone), zone)
    return start, end


def occurrences(
    start: int, end: int, rule: str | None, zone: ZoneInfo, lo: int, hi: int, cut: int | None = None
) -> list[tuple[int, int]]:
    """The half-open stretches, in UTC seconds and in order, that have a second in [lo, hi); whole ones, not clipped.

    [start, end) is the first of them, to the second; `rule` is one that `first_occurrence` let pass. The window was
    ended early at `cut`: no stretch has that second or a later one.
    """
    stop = hi if cut is None else min(hi, cut)
    found = [(start, end)] if rule is None else _repeated(start, end, rule, zone, lo, stop)
    shortened = [(since, until if cut is None else min(until, cut)) for since, until in found]
    return [(since, until) for since, until in shortened if max(since, lo) < min(until, stop)]


def merged(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same seconds as stretches that neither overlap nor touch, in order."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(stretch for stretch in stretches if stretch[0] < stretch[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _repeated(start: int, end: int, rule: str, zone: ZoneInfo, lo: int, hi: int) -> Iterator[tuple[int, int]]:
    """The occurrences about [lo, hi): none that belongs there is missing."""
    first, length = _clock(start, zone), _clock(end, zone) - _clock(start, zone)
    # No zone ever turned its clock by more than a day.
    skipped = _clock(min(max(lo, start), _LAST_SECOND), zone) - first - length - _DAY
    last = _clock(min(max(hi, start), _LAST_SECOND), zone) + _DAY
    for wall in takewhile(lambda wall: wall <= last, _walls(rule, first, zone, skipped)):
        yield (start, end) if wall == first else (_reached(wall, zone), _reached(wall + length, zone))


def _walls(rule: str, first: datetime, zone: ZoneInfo, skipped: timedelta) -> Iterator[datetime]:
    """Clock times at which occurrences start, in order; those less than `skipped` after the first may be missing."""
    parts = _parts(rule)
    # A count is of all since the first; months and years are few.
    if parts["FREQ"] in _FIXED_STEPS and "COUNT" not in parts:
        step = _FIXED_STEPS[parts["FREQ"]] * int(parts.get("INTERVAL", 1))
        first += max(skipped // step, 0) * step
    last = _last_start(parts)
    if last is None:
        return iter(_rrule(parts, first))
    if last.tzinfo is None:
        return takewhile(lambda wall: wall <= last, _rrule(parts, first))
    return takewhile(lambda wall: _reached(wall, zone) <= last.timestamp(), _rrule(parts, first))


def _parts(rule: str) -> dict[str, str]:
    if re.search(r"[:\s]", rule):
        raise ValueError(
            Message(
                "expected only a rule's value, such as FREQ=WEEKLY;BYDAY=SU: its DTSTART is the window's from, and "
                "EXDATE and RDATE are not known here"
            )
        )
    pairs = [part.partition("=") for part in rule.upper().split(";")]
    names = [name for name, _, _ in pairs]
    for name in names:
        if name not in _NAMES or names.count(name) > 1:
            raise ValueError(
                Message(
                    "expected parts of {known}, each at most once, not {name!r}",
                    known=", ".join(sorted(_NAMES)),
                    name=name,
                )
            )
    return {name: value for name, _, value in pairs}


def _last_start(parts: dict[str, str]) -> datetime | None:
    """The last moment at which an occurrence may start: by the local clock if naive. A day is in to its end."""
    text = parts.get("UNTIL")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text) if _UNTIL.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(
            Message("expected UNTIL as 20261231, as 20261231T235959 (local time) or as 20261231T155959Z (UTC)")
        )
    return moment if "T" in text else moment + (_DAY - _SECOND)


def _rrule(parts: dict[str, str], first: datetime) -> Any:
    """The rule without its UNTIL: dateutil takes a naive one only, and that cannot tell a clock's two 01:30."""
    return rrulestr(";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL"), dtstart=first)


def _check_numbers(name: str, value: str) -> None:
    known = _NUMBERS[name]
    for number in map(int, value.split(",")):
        if number not in known and not (name in _FROM_THE_END and -number in known):
            ends = " (or as many from the end, with a minus)" if name in _FROM_THE_END else ""
            raise ValueError(
                Message(
                    "expected {name} to be {lowest} to {highest}{ends}, not {number}",
                    name=name,
                    lowest=known[0],
                    highest=known[-1],
                    ends=ends,
                    number=number,
                )
            )


def _check_exists(moment: date | datetime, zone: ZoneInfo) -> None:
    """The seconds of a time that the clock skips would be those of another time, at which the rule would repeat."""
    wall = _wall(moment)
    if wall.tzinfo is None and _clock(_reached(wall, zone), zone) != wall:
        raise ValueError(
            Message("expected a time that is on the clock of {zone}, which skips {wall}", zone=zone.key, wall=wall)
        )


def _check_rule(rule: str, start: datetime, end: datetime, zone: ZoneInfo) -> None:
    length = end - start
    if length <= timedelta(0):
        raise ValueError(
            Message("until must come after from by the clock of {zone}, which the rule repeats", zone=zone.key)
        )
    # A day that no year has (30 February) would be looked for up to the year 9999.
    if next(iter(_rrule(_parts(rule), start).replace(interval=_ONLY_THE_FIRST)), None) != start:
        raise ValueError(
            Message(
                "expected from to be the first time that the rule gives; {start:%A %Y-%m-%d %H:%M:%S} is not",
                start=start,
            )
        )
    walls = list(takewhile(lambda wall: wall <= start + _LOOKED_AT, _walls(rule, start, zone, timedelta(0))))
    if not walls:
        raise ValueError(Message("expected UNTIL not to come before from"))
    for wall, following in pairwise(walls):
        if wall + length > following:
            raise ValueError(
                Message(
                    "occurrences overlap: that of {wall} lasts until {end}, past {following}",
                    wall=wall,
                    end=wall + length,
                    following=following,
                )
            )


def _seconds(window: Window, zone: ZoneInfo) -> tuple[int, int]:
    start, end = _second(window.start, zone), _second(window.end, zone)
    if end <= start:
        raise ValueError(Message("until must come after from"))
    if start < 0 or end > _LAST_SECOND:
        raise ValueError(Message("expected a window between the years 1970 and 9000"))
    return start, end


def _second(moment: date | datetime, zone: ZoneInfo) -> int:
    wall = _wall(moment)
    return int(wall.timestamp()) if wall.tzinfo else _reached(wall, zone)


def _wall(moment: date | datetime) -> datetime:
    """A moment as people write it, to the second: a day is its midnight."""
    moment = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    return moment.replace(microsecond=0)


def _clock(at: int, zone: ZoneInfo) -> datetime:
    """What the local clock shows at this UTC second, without the zone."""
    return datetime.fromtimestamp(at, zone).replace(tzinfo=None)


def _reached(wall: datetime, zone: ZoneInfo) -> int:
    """The first UTC second at which the local clock shows this time or a later one."""
    before, after = (int(wall.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if before <= after:
        return before
    # Only for a skipped time the offset before the change gives the later second: the change lies between the two.
    between = range(after, before + 1)
    return between[bisect_left(between, wall, key=lambda at: _clock(at, zone))]
