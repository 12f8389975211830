"""Ironic's nodes -> whole machines online and used by resource class. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.base import Unreadable
from collectors.reasons import MAINTENANCE, in_its_words

_GIVEN = frozenset({"active"})
_CAN_BE_GIVEN = frozenset({"available", "active"})


@dataclass(frozen=True, slots=True)
class Machine:
    """A node of one resource class. out: why it is not online, empty where it is."""

    uuid: str
    resource_class: str
    out: str
    used: bool


def page_of(payload: object) -> tuple[list[Machine], str | None]:
    """The nodes of one page that have a resource class, and after which node the next page begins; None at the end.

    Raises Unreadable when it is no list of nodes.
    """
    nodes = payload.get("nodes") if isinstance(payload, dict) else None
    if (
        not isinstance(payload, dict)
        or not isinstance(nodes, list)
        or not all(isinstance(node, dict) for node in nodes)
    ):
        raise Unreadable("the answer has no list of nodes")
    last = str(nodes[-1].get("uuid")) if nodes and payload.get("next") else None
    return [_machine(node) for node in nodes if node.get("resource_class")], last


def _machine(node: Mapping[str, Any]) -> Machine:
    """Online: handed out or ready to be, not under maintenance, without a fault, not retired. An instance or the state
    `active` means that it was given to somebody."""
    uuid, name, state = node.get("uuid"), node.get("resource_class"), node.get("provision_state")
    if not isinstance(uuid, str) or not isinstance(name, str) or not isinstance(state, str):
        raise Unreadable("a node's uuid, resource_class or provision_state cannot be read")
    out = node.get("maintenance") is not False or node.get("fault") is not None or node.get("retired") is True
    why = MAINTENANCE if out else "" if state in _CAN_BE_GIVEN else in_its_words(state)
    given = state in _GIVEN or bool(node.get("instance_uuid"))
    return Machine(uuid, name, why, given)
