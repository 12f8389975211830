"""Looks into the drop folder, reads the tables that are whole, and puts them aside once they are recorded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import PurePosixPath
from typing import ClassVar, NamedTuple, TypeVar

from pydantic import Field, field_validator

import collectors.base as base
from collectors.base import Http, Keeper, Refused, Silent, Unreachable, Unreadable
from collectors.file.folder import Entry, Folder, Mark, opened
from collectors.file.parse import DONE, REFUSED, aside, is_table, parse, put_aside
from collectors.matching import briefly
from collectors.tables import COLUMNS, Table
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.model.units import Duration, duration_text
from suanli.tables.rows import Columns

_AT_ONCE = 50
_RECENT = 20
_PATIENCE = 1.0
_T = TypeVar("_T")
_THREADS = ThreadPoolExecutor(16, thread_name_prefix="folder")
"""Of their own: folders that hang keep nobody else waiting."""


class FileSettings(base.Settings):
    """path: folder below the one that config.yaml gives the site. columns: what the tables call ours.

    ignore: columns that nobody reads. sheet: of workbooks with several. quiet: how long a file is left alone after it
    last changed.
    """

    reached_by: ClassVar[base.ReachedBy] = "folder"
    path: str = Field(default="", max_length=500)
    columns: dict[str, str] = Field(default={})
    ignore: list[str] = Field(default=[])
    sheet: str | None = None
    quiet: Duration = 10

    @field_validator("path")
    @classmethod
    def _below(cls, text: str) -> str:
        parts = PurePosixPath(text).parts
        if text.startswith("/") or {"..", DONE, REFUSED} & set(parts) or "\x00" in text:
            raise ValueError(f"expected a folder below the site's own, none of them called .., {DONE} or {REFUSED}")
        return text

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str]) -> dict[str, str]:
        if strange := sorted(columns.keys() - set(COLUMNS)):
            raise ValueError(f"unknown column {strange[0]}; known: {', '.join(COLUMNS)}")
        return columns


class _Taken(NamedTuple):
    entry: Entry
    table: Table
    at: int


class FileCollector(Keeper):
    """One folder."""

    Settings: ClassVar[type[base.Settings]] = FileSettings

    def __init__(self, site: PolledSite, settings: FileSettings, _http: Http) -> None:
        self._site, self._settings = site, settings
        named = tuple((theirs, ours) for ours, theirs in settings.columns.items())
        self._columns = Columns(("at",), COLUMNS, named, frozenset(settings.ignore))
        self._seen: dict[str, tuple[Mark, int]] = {}
        self._taken: list[_Taken] = []
        self._before: dict[str, list[Sample]] = {}
        self._reading = threading.Lock()

    async def collect(self, now: int) -> list[Sample]:
        self._taken = []
        taken, samples = await self._alone(partial(self._look, now))
        self._taken = taken
        if not samples:
            raise Unreadable("; ".join(briefly(one.table.told() for one in taken)))
        return samples

    async def let_go(self) -> None:
        """Into done/ or refused/, with a report of every row that is wrong."""
        taken, self._taken = self._taken, []
        if taken:
            await self._alone(partial(self._put, taken))

    async def _alone(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, self._locked, work)

    def _locked(self, work: Callable[[], _T]) -> _T:
        """A mount that hangs keeps one thread, not one a poll."""
        if not self._reading.acquire(timeout=_PATIENCE):
            raise Unreachable(
                f"the last look into folder {self._site.grants.folder} has not ended: does its mount hang?"
            )
        try:
            return work()
        finally:
            self._reading.release()

    def _look(self, now: int) -> tuple[list[_Taken], list[Sample]]:
        with self._folder() as folder:
            entries = folder.entries()
            tables = [one for one in entries if is_table(one.name)]
            whole = [one for one in tables if one.fault or self._is_whole(one, now)]
            self._seen = {name: seen for name, seen in self._seen.items() if any(one.name == name for one in tables)}
            read = [self._read(folder, one, now) for one in whole[:_AT_ONCE]]
            taken = [one for one in read if one is not None]
            if taken:
                return taken, _by_time(one.table.samples for one in taken)
            return [], self._last_word(folder, now, [one.name for one in entries])

    def _folder(self) -> AbstractContextManager[Folder]:
        root = self._site.grants.folder
        if root is None:
            raise Refused(f"config.yaml gives this site no folder: folders: {{sites: {{{self._site.id}: /path}}}}")
        return opened(root, self._settings.path)

    def _is_whole(self, entry: Entry, now: int) -> bool:
        """Unchanged for long enough: by the file's own time, or by ours where the clock of a mount runs ahead."""
        mark, since = self._seen.get(entry.name, (None, now))
        self._seen[entry.name] = (entry.mark, since if mark == entry.mark else now)
        return now - min(entry.modified, self._seen[entry.name][1]) >= self._settings.quiet

    def _read(self, folder: Folder, entry: Entry, now: int) -> _Taken | None:
        if entry.fault:
            return _Taken(entry, Table(entry.name, [], [f"{entry.name}: {entry.fault}"]), now)
        data = folder.read(entry.name)
        return None if data is None else _Taken(entry, self._table(entry.name, data, now), now)

    def _table(self, name: str, data: bytes, now: int) -> Table:
        return parse(name, data, self._site, now, self._columns, self._settings.sheet)

    def _last_word(self, folder: Folder, now: int, waiting: list[str]) -> list[Sample]:
        """Where nothing is new: what the last tables said, again; an error where that is refused, or too long ago."""
        oldest = now - self._site.max_age
        done, refused = (_put_aside(folder.names(inner), oldest) for inner in (DONE, REFUSED))
        if refused and (not done or refused[-1][0] >= done[-1][0]):
            _, name, where = refused[-1]
            report = (folder.read(f"{where}.txt", REFUSED) or b"").decode(errors="replace").splitlines()
            raise Unreadable(f"the last table is refused: {report[0] if report else name}"[:500])
        self._before = {where: self._kept(folder, at, name, where) for at, name, where in done[-_RECENT:]}
        newest = {one.pool: one for one in _by_time(self._before.values())}
        if not newest:
            there = f" (left alone: {', '.join(briefly(waiting))})" if waiting else ""
            raise Silent(f"no table has come for {duration_text(self._site.max_age)}{there}: ask who sends them")
        return list(newest.values())

    def _kept(self, folder: Folder, at: int, name: str, where: str) -> list[Sample]:
        """As it was read when it was put aside, so that it is the same word."""
        if where in self._before:
            return self._before[where]
        data = folder.read(where, DONE)
        return [] if data is None else self._table(name, data, at).samples

    def _put(self, taken: Iterable[_Taken]) -> None:
        with self._folder() as folder:
            for entry, table, at in taken:
                report = "\n".join([*table.problems, ""]) if table.problems else ""
                folder.put(entry, DONE if table.samples else REFUSED, aside(at, entry.name), report)


def _by_time(samples: Iterable[list[Sample]]) -> list[Sample]:
    """Of one time the later table is the last word."""
    return sorted((sample for some in samples for sample in some), key=lambda one: one.source_at)


def _put_aside(names: Iterable[str], oldest: int) -> list[tuple[int, str, str]]:
    """When, the name before, and the name now, of what was put aside since then; in order."""
    found = [(*known, name) for name in names if (known := put_aside(name)) is not None]
    return sorted(one for one in found if one[0] >= oldest)
