"""The data sources that the boards ask: which they are, and another one in the place of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_GRAFANAS_OWN = frozenset({"grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__"})


@dataclass(frozen=True, slots=True)
class Source:
    """A data source: the one the boards were made for, or one that stands in for it."""

    uid: str
    name: str
    kind: str


def asked(boards: Iterable[Json]) -> dict[str, str]:
    """uid -> type of the data sources that the boards ask, directly or by the default of a variable."""
    found: dict[str, str] = {}
    for board in boards:
        chosen: Json = {f"${{{one['name']}}}": one["current"]["value"] for one in _variables(board)}
        for reference in _references(board):
            uid = str(chosen.get(reference["uid"], reference["uid"]))
            if uid not in _GRAFANAS_OWN:
                found[uid] = reference["type"]
    return dict(sorted(found.items()))


def retargeted(board: Json, instead: Mapping[str, Source]) -> Json:
    """The board, asking other data sources than it was made for: those of `instead`, by the uid they replace.

    Of a variable only the default changes; its text is the name, as that is what a reader sees.
    """
    made: Json = _replaced(board, {uid: source.uid for uid, source in instead.items()})
    for variable in _variables(made):
        before = variable["current"]["value"]
        if source := instead.get(before):
            variable["current"] = variable["current"] | {"text": source.name, "value": source.uid}
    return made


def _variables(board: Json) -> list[Json]:
    return [one for one in board.get("templating", {}).get("list", []) if one.get("type") == "datasource"]


def _references(part: Any) -> Iterator[Json]:
    if isinstance(part, dict):
        reference = part.get("datasource")
        if isinstance(reference, dict) and {"type", "uid"} <= reference.keys():
            yield reference
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _references(inner)


def _replaced(part: Any, uids: Mapping[str, str]) -> Any:
    """A copy, in which each reference to one of these uids is to another."""
    if isinstance(part, list):
        return [_replaced(inner, uids) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: _replaced(value, uids) for key, value in part.items()}
    reference = made.get("datasource")
    if isinstance(reference, dict) and reference.get("uid") in uids:
        made["datasource"] = reference | {"uid": uids[reference["uid"]]}
    return made
