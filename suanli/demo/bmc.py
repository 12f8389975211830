"""A BMC's Redfish service: sessions, $expand, paging. What it says passes DMTF's own validator.

It serves the demonstration's second signal, and the tests of the collector (tests/servers/redfish.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from suanli.demo.bmc_resources import ROOT, SESSIONS, System, resources_of, session_of
from suanli.demo.dialects.base import USER, Asked, Json, Told, json

_OPEN = frozenset({"/redfish", ROOT, f"{ROOT}/$metadata", f"{ROOT}/odata"})
_METADATA = '<?xml version="1.0"?><edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"/>'


@dataclass
class Bmc:
    """What one BMC has, and how it behaves.

    levels: how deep $expand goes; 0 where it is not offered. offers: what is said of it, if not the truth.
    page: members of a page. most_sessions: how many are open at once; opened: so far. at: the path before /redfish.
    """

    systems: list[System]
    levels: int = 0
    offers: int | None = None
    page: int = 1000
    most_sessions: int = 4
    name: str = "bmc"
    at: str = ""
    password: str = field(kw_only=True, repr=False)
    sessions: dict[str, str] = field(default_factory=dict)
    opened: int = 0

    def resources(self) -> dict[str, Json]:
        """Everything that can be read, by its path without a slash at the end."""
        told = self.levels if self.offers is None else self.offers
        return resources_of(self.name, told, self.systems, self.sessions.values())

    def knows(self, asked: Asked) -> bool:
        """Whether who asks may, or asks for a session or for what is open to all."""
        path = asked.path.rstrip("/")
        is_new = asked.method == "POST" and path == SESSIONS
        has_session = asked.headers.get("x-auth-token") in self.sessions
        return is_new or path in _OPEN or has_session or asked.basic() == (USER, self.password)

    def answer(self, asked: Asked, resources: Mapping[str, Json]) -> Told:
        """What is answered to one who is known."""
        path = asked.path.rstrip("/")
        if asked.method == "POST" and path == SESSIONS:
            return self._open(asked)
        if asked.method == "DELETE":
            return self._close(path)
        if asked.method != "GET":
            return failed(405)
        if path == f"{ROOT}/$metadata":
            return Told(_METADATA.encode(), media="application/xml")
        found = self.told(path, asked.query, resources)
        return failed(found) if isinstance(found, int) else json(found, OData_Version="4.0")

    def told(self, path: str, query: Mapping[str, str], resources: Mapping[str, Json]) -> Json | int:
        """What is read at a path, or the status of an error."""
        expand = query.get("$expand", "")
        found = resources.get(path)
        if found is None:
            return 404
        if "Members" in found:
            found = _page(found, int(query.get("$skip", 0)), self.page, expand)
        if not expand:
            return found
        if not self.levels:
            return 501
        wanted = int(expand.partition("=")[2].rstrip(")") or 1)
        whole: Json = _expanded(found, resources, min(wanted, self.levels))
        return whole

    def _open(self, asked: Asked) -> Told:
        if _object(asked.body) != {"UserName": USER, "Password": self.password}:
            return failed(401)
        if len(self.sessions) >= self.most_sessions:
            return failed(503, "The service has no room for another session.")
        self.opened += 1
        name, token = str(self.opened), uuid4().hex
        self.sessions[token] = name
        return json(session_of(name), 201, X_Auth_Token=token, Location=f"{self.at}{SESSIONS}/{name}")

    def _close(self, path: str) -> Told:
        tokens = [token for token, name in self.sessions.items() if path == f"{SESSIONS}/{name}"]
        for token in tokens:
            del self.sessions[token]
        return Told(b"", 204) if tokens else failed(404)


def failed(status: int, told: str = "The request cannot be done.") -> Told:
    """An error as Redfish words it."""
    said = {
        "code": "Base.1.18.GeneralError",
        "message": "A general error has occurred.",
        "@Message.ExtendedInfo": [{"MessageId": "Base.1.18.GeneralError", "Message": told}],
    }
    return json({"error": said}, status)


def _object(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _page(whole: Json, skip: int, size: int, expand: str) -> Json:
    members = whole["Members"][skip : skip + size]
    found = {**whole, "Members": members}
    if skip + size < len(whole["Members"]):
        more = f"&$expand={expand}" if expand else ""
        found["Members@odata.nextLink"] = f"{whole['@odata.id']}?$skip={skip + size}{more}"
    return found


def _expanded(value: Any, told: Mapping[str, Json], levels: int) -> Any:
    """Links below it replaced by what they lead to, so many levels deep; those under `Links` stay links."""
    if isinstance(value, list):
        return [_expanded(one, told, levels) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"@odata.id"}:
        found = told.get(value["@odata.id"].rstrip("/"))
        return value if found is None or not levels else _expanded(found, told, levels - 1)
    return {key: one if key == "Links" else _expanded(one, told, levels) for key, one in value.items()}
