"""Rows gathered into sites with their pools and entries, as a YAML file would say them, and where each was said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from suanli.model.message import Message
from suanli.model.yamlfile import Loc
from suanli.registry.sheet.cells import shown
from suanli.registry.sheet.columns import BY_KEY, COLUMNS, Column
from suanli.registry.sheet.rows import Row

SITE = tuple(column for column in COLUMNS if column.of == "site")
POOL = tuple(column for column in COLUMNS if column.of == "pool")
ENTRY = tuple(column for column in COLUMNS if column.of == "entry")
_OF_SITE = "the same site"
_OF_POOL = "the same pool"


class Gathered:
    """data: as YAML has it. places: the row and column's key of what stands at a place of it.

    faults: a row, the key of its column, and a message. faulty: places where something is wrong, and all around them.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.places: dict[Loc, tuple[int, str]] = {}
        self.faults: list[tuple[int, str, str]] = []
        self.faulty: set[Loc] = set()
        by_site: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if (id_ := self._id(row, "site_id", SITE + POOL + ENTRY)) is not None:
                by_site[id_].append(row)
        self.data = {"sites": [self._site(("sites", n), *item) for n, item in enumerate(by_site.items())]}

    def _id(self, row: Row, key: str, of: tuple[Column, ...]) -> str | None:
        """What the row is about; every row must say it, as a sorted sheet would give it another site's."""
        id_: str | None = row.values.get(key)
        if id_ is None and key not in row.wrong and row.has(of):
            self.faults.append((row.number, key, f"is empty: write {BY_KEY[key].zh} ({key}) in every row of it"))
        return id_

    def _site(self, loc: Loc, id_: str, rows: list[Row]) -> dict[str, Any]:
        facts = self._facts(loc, SITE, rows, _OF_SITE)
        by_pool: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if (pool := self._id(row, "pool_id", POOL + ENTRY)) is not None:
                by_pool[pool].append(row)
        pools = [self._pool((*loc, "pools", n), *item) for n, item in enumerate(by_pool.items())]
        return {**facts, "id": id_, "pools": pools}

    def _pool(self, loc: Loc, id_: str, rows: list[Row]) -> dict[str, Any]:
        facts = self._facts(loc, POOL, rows, _OF_POOL)
        match = {name: facts.pop(key) for key, name in _MATCH.items() if key in facts}
        if len(match) == 1 and not any(row.wrong & _MATCH.keys() for row in rows):
            missing = next(key for key, name in _MATCH.items() if name not in match)
            self._fault(
                (*loc, "match", _MATCH[missing]),
                rows[0].number,
                missing,
                Message("is empty: match_label and match_value go together"),
            )
        told = [row for row in rows if row.has(ENTRY)]
        entries = [self._entry((*loc, "capacity", n), row) for n, row in enumerate(told)]
        return {**facts, "id": id_, "capacity": entries} | ({"match": match} if match else {})

    def _facts(self, loc: Loc, columns: tuple[Column, ...], rows: list[Row], same: str) -> dict[str, Any]:
        """What these rows agree on; a match's label and value keep the keys of their columns."""
        found: dict[str, Any] = {}
        self.places[loc] = (rows[0].number, columns[0].key)
        for column in columns:
            said = [row for row in rows if column.key in row.values]
            place = (*loc, *column.loc)
            self.places[place] = (said[0].number if said else rows[0].number, column.key)
            if any(column.key in row.wrong for row in rows):
                self._mark(place)
            if said:
                found[column.key if len(column.loc) > 1 else column.loc[0]] = said[0].values[column.key]
                self._contradictions(place, column, said, same)
            elif column.required and place not in self.faulty:
                told = Message(
                    "is empty: one of the rows of {same} says its {heading} ({key})",
                    same=same,
                    heading=column.zh,
                    key=column.key,
                )
                self._fault(place, rows[0].number, column.key, told)
        return found

    def _contradictions(self, place: Loc, column: Column, said: list[Row], same: str) -> None:
        first = said[0].values[column.key]
        for row in said[1:]:
            if (value := row.values[column.key]) != first:
                told = Message(
                    "says {value}, but row {number} of {same} says {first}",
                    value=shown(value),
                    number=said[0].number,
                    same=same,
                    first=shown(first),
                )
                self._fault(place, row.number, column.key, told)

    def _entry(self, loc: Loc, row: Row) -> dict[str, Any]:
        self.places[loc] = (row.number, "from")
        for column in ENTRY:
            place = (*loc, *column.loc)
            self.places[place] = (row.number, column.key)
            if column.key in row.wrong:
                self._mark(place)
            elif column.required and column.key not in row.values:
                told = Message(
                    "is empty: an entry of capacity has its {heading} ({key})", heading=column.zh, key=column.key
                )
                self._fault(place, row.number, column.key, told)
        amounts = [key for key in ("devices", "pflops") if key in row.values or key in row.wrong]
        if len(amounts) != 1:
            both = Message("both devices and pflops are given: keep one")
            told = both if amounts else Message("neither devices nor pflops is given")
            self._fault((*loc, "devices"), row.number, "devices", told)
        return {column.loc[0]: row.values[column.key] for column in ENTRY if column.key in row.values}

    def _fault(self, loc: Loc, row: int, key: str, message: str) -> None:
        self.faults.append((row, key, message))
        self._mark(loc)

    def _mark(self, loc: Loc) -> None:
        self.faulty |= {loc[:end] for end in range(len(loc) + 1)}


_MATCH = {"match_label": "label", "match_value": "value"}
