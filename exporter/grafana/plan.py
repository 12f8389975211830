"""What a push would do, as one value: made by looking alone, shown to a person, then carried out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from exporter.grafana.sources import Source

Json = dict[str, Any]
BoardState = Literal["new", "changed", "same", "edited", "moved"]
RulesState = Literal["new", "changed", "same", "edited", "hidden"]
SourceState = Literal["there", "new", "missing"]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where new boards go."""

    uid: str
    title: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be in Grafana. made: data sources, by their uid, that may be created where they are missing.

    instead: those that stand in for the ones the boards were made for, by the uid of the latter. rules: the group of
    alert rules as a provisioning file has it, None where they are left out.
    """

    boards: tuple[Json, ...]
    folder: Folder
    made: dict[str, Json] = field(repr=False)
    instead: dict[str, str]
    rules: Json | None = None


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
class RulesPlan:
    """The alert rules. found: as Grafana has them; why: a person's doing, or (hidden) why they cannot be looked at."""

    state: RulesState
    wanted: Json
    found: Json | None = None
    why: str = ""

    @property
    def name(self) -> str:
        return str(self.wanted["title"])


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole push. folder_found: whether the folder is there; problems: why nothing may be written, a line each.

    rules: None where they are left out.
    """

    version: str
    folder: Folder
    folder_found: bool
    sources: tuple[SourcePlan, ...]
    boards: tuple[BoardPlan, ...]
    problems: tuple[str, ...]
    rules: RulesPlan | None = None

    @property
    def by_hand(self) -> list[BoardPlan]:
        """The boards that a person has changed or moved since they were pushed."""
        return [one for one in self.boards if one.state in ("edited", "moved")]

    @property
    def rules_by_hand(self) -> RulesPlan | None:
        """The alert rules, where a person has changed them since they were pushed."""
        return self.rules if self.rules is not None and self.rules.state == "edited" else None

    @property
    def as_wanted(self) -> bool:
        """Whether Grafana has everything as it is generated."""
        there = all(one.state == "there" for one in self.sources)
        rules = self.rules is None or self.rules.state == "same"
        return there and rules and not self.problems and all(one.state == "same" for one in self.boards)
