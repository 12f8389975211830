"""The kinds of source: built in, or of another distribution's entry points, which are loaded when they are used."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from collectors.base import Collector, Settings

GROUP = "suanli.collectors"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_log = logging.getLogger("suanli.collectors")


def installed() -> Iterable[EntryPoint]:
    """The entry points of every distribution that can be imported."""
    return entry_points(group=GROUP)


class Kinds(Mapping[str, type[Collector]]):
    """By name. A plug-in that cannot be used is missing, and `fault` says why; it takes nothing else with it."""

    def __init__(
        self, built_in: Mapping[str, type[Collector]], found: Callable[[], Iterable[EntryPoint]] = installed
    ) -> None:
        self._built_in, self._find = built_in, found
        self._loaded: dict[str, type[Collector] | None] = {}
        self._faults: dict[str, str] = {}

    def __getitem__(self, name: str) -> type[Collector]:
        if name in self._built_in:
            return self._built_in[name]
        kind = self._plug_in(name)
        if kind is None:
            raise KeyError(name)
        return kind

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._points

    def __len__(self) -> int:
        return len(self._built_in) + len(self._points)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._points

    def fault(self, name: str) -> str:
        """Why there is no such kind."""
        if name not in self._faults:
            return f"{name}: unknown kind of source; known: {', '.join(sorted(self))}"
        return f"{name}: {self._faults[name]}"

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        """By name, looked for once. A name that two claim is nobody's; a built-in one stays what it is."""
        points: dict[str, EntryPoint] = {}
        for point in sorted(self._find(), key=_origin):
            if point.name in self._built_in:
                _log.error("plug-in %s is not used: %s is a kind that is built in", _origin(point), point.name)
            elif not _NAME.fullmatch(point.name):
                _log.error("plug-in %s is not used: %r is no name of a kind", _origin(point), point.name)
            elif (other := points.get(point.name)) is not None:
                self._refuse(
                    point.name, f"claimed by both {_origin(other)} and {_origin(point)}: uninstall one of them"
                )
            else:
                points[point.name] = point
        return {name: point for name, point in points.items() if name not in self._faults}

    def _plug_in(self, name: str) -> type[Collector] | None:
        if name not in self._loaded:
            point = self._points.get(name)
            self._loaded[name] = None if point is None else self._load(point)
        return self._loaded[name]

    def _load(self, point: EntryPoint) -> type[Collector] | None:
        try:
            kind = point.load()
        except (Exception, SystemExit) as error:  # whatever another's code does, the other sources go on
            self._refuse(point.name, f"plug-in {_origin(point)} cannot be loaded: {type(error).__name__}: {error}")
            return None
        if not _is_collector(kind):
            self._refuse(point.name, f"plug-in {_origin(point)} is no Collector as collectors/base.py describes it")
            return None
        loaded: type[Collector] = kind
        return loaded

    def _refuse(self, name: str, why: str) -> None:
        self._faults[name] = why[:500]
        _log.error("kind of source %s is not used: %s", name, self._faults[name])


def _origin(point: EntryPoint) -> str:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"
    return f"{distribution} ({point.value})"


def _is_collector(kind: object) -> bool:
    settings = getattr(kind, "Settings", None)
    told = inspect.isclass(settings) and issubclass(settings, Settings)
    return inspect.isclass(kind) and told and inspect.iscoroutinefunction(getattr(kind, "collect", None))
