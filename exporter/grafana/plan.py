"""What a push would do, as one value: made by looking alone, shown to a person, then carried out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from exporter.grafana.sources import Source

Json = dict[str, Any]
BoardState = Literal["new", "changed", "same", "edited", "moved"]
SourceState = Literal["there", "new", "missing"]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where new boards go."""

    uid: str
    title: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be in Grafana. made: data sources, by their uid, that may be created where they are missing.

    instead: those that stand in for the ones the boards were made for, by the uid of the latter.
    """

    boards: tuple[Json, ...]
    folder: Folder
    made: dict[str, Json] = field(repr=False)
    instead: dict[str, str]


@dataclass(frozen=True, slots=True)
class BoardPlan:
    """One board. found: as Grafana has it; version: of that; folder: where it is to be; why: a person's doing."""

    state: BoardState
    wanted: Json
    folder: str
    found: Json | None = None
    version: int = 0
    why: str = ""

    @property
    def uid(self) -> str:
        return str(self.wanted["uid"])


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One data source that the boards ask. body: what would create it, with its secret."""

    state: SourceState
    source: Source
    body: Json | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole push. folder_found: whether the folder is there; problems: why nothing may be written, a line each."""

    version: str
    folder: Folder
    folder_found: bool
    sources: tuple[SourcePlan, ...]
    boards: tuple[BoardPlan, ...]
    problems: tuple[str, ...]

    @property
    def by_hand(self) -> list[BoardPlan]:
        """The boards that a person has changed or moved since they were pushed."""
        return [one for one in self.boards if one.state in ("edited", "moved")]

    @property
    def as_wanted(self) -> bool:
        """Whether Grafana has everything as it is generated."""
        there = all(one.state == "there" for one in self.sources)
        return there and not self.problems and all(one.state == "same" for one in self.boards)
