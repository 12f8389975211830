"""Every verb of the API by every scope, on one's own site and on a foreign one; no route is without its row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from exporter.api import make_api
from suanli.model.access import Principal, Scope
from suanli.model.alert import KINDS, Alert, AlertState
from suanli.model.audit import Author
from suanli.model.maintenance import Window
from suanli.model.request import REQUEST
from suanli.registering.asker import Asker, local_asker
from suanli.registering.office import Office
from suanli.registering.windows import WindowDesk
from suanli.store.alerts import keep_alerts
from suanli.store.sql import Store
from tests.exporter.making import Rendering, served
from tests.exporter.test_registry_routes import MINE, SCOPES, SITES, addition, client, token
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, config

ABSURD = 80_000.0
"""PFLOPS online of a pool that has 100 built: held at the entrance."""


@pytest.fixture
def store() -> Iterator[Store]:
    facts = {"source": {"kind": "push"}}
    sites = [a_site(id_, a_pool("p", built(100.0)), operator=operator, **facts) for id_, operator in SITES.items()]
    with a_store(*sites, clock=Clock(T0)) as made:
        made.append([a_sample(T0, 80.0, 40.0, site=site) for site in SITES])
        made.append([a_sample(T0 - 60, ABSURD, 40.0, site=site) for site in SITES])
        fire(made, *(site_alert(site) for site in SITES), Alert(KINDS["disk_low"], (), "critical", "firing", T0, *NONE))
        yield made


NONE = (None, None, None)


def site_alert(site: str, state: AlertState = "firing") -> Alert:
    return Alert(KINDS["site_silent"], (("site", site),), "warning", state, T0, *NONE)


def fire(store: Store, *alerts: Alert) -> None:
    """As an evaluator records them."""
    with store.writing() as connection:
        keep_alerts(connection, alerts, (), T0)


def waiting(store: Store, site: str, owner: str) -> int:
    """A pending submission about this site, handed in by this one; its number."""
    who = Asker(Principal("0" * 12, owner, frozenset({Scope("admin")})), Author(actor=f"token:{'0' * 12} {owner}"))
    desk = Office(store, config(registration={"two_person": True}))
    number: int = desk.submit(who, REQUEST.validate_python(addition(site)))["submission"]
    return number


def announced(store: Store, site: str, *, approve: bool = False) -> int:
    """A maintenance window of this site; its number."""
    number: int = WindowDesk(store, config(), local_asker()).add(a_window(site), approve=approve)["id"]
    return number


def a_window(site: str) -> Window:
    return Window.model_validate({"site": site, "from": "2027-01-01", "until": "2027-01-02", "reason": "检修"})


def window_json(site: str) -> dict[str, Any]:
    return {"site": site, "from": "2027-01-01", "until": "2027-01-02", "reason": "检修"}


def held(store: Store, site: str) -> str:
    """The number under which its sample is held."""
    return {"mine": "1", "theirs": "2"}[site]


def as_json(site: str, **facts: Any) -> dict[str, Any]:
    made = a_site(site, a_pool("p", built(100.0)), operator=SITES[site], **facts)
    return made.model_dump(mode="json", by_alias=True, exclude_none=True)


Call = Callable[[httpx.AsyncClient, Store, str, str], Awaitable[httpx.Response]]


def get(path: str, **query: str) -> Call:
    """`{site}` and `{operator}` are filled in."""

    def call(api: httpx.AsyncClient, _store: Store, site: str, _owner: str) -> Awaitable[httpx.Response]:
        names = {"site": site, "operator": SITES[site]}
        return api.get(path.format(**names), params={name: text.format(**names) for name, text in query.items()})

    return call


def of(path: str, made: Callable[[Store, str, str], Any], method: str = "GET", **sent: Any) -> Call:
    """`{}` is the number of what is made for it."""

    def call(api: httpx.AsyncClient, store: Store, site: str, owner: str) -> Awaitable[httpx.Response]:
        return api.request(method, path.format(made(store, site, owner)), **sent)

    return call


def post(path: str, body: Callable[[str], Any], method: str = "POST", **sent: Any) -> Call:
    def call(api: httpx.AsyncClient, _store: Store, site: str, _owner: str) -> Awaitable[httpx.Response]:
        return api.request(method, path.format(site=site), json=body(site), **sent)

    return call


def known(site: str) -> dict[str, Any]:
    return {"kind": "site_silent", "subject": {"site": site}, "reason": "已派人到场"}


def a_move(site: str) -> dict[str, Any]:
    return {"action": "pool.move", "site": site, "pool": "p", "to": site, "as": "renamed", "from": "2026-11-20"}


def a_push(_site: str) -> dict[str, Any]:
    return {"samples": [{"pool": "p", "at": T0, "online_pflops": 80.0}]}


def a_token(store: Store, _site: str, _owner: str) -> str:
    return token(store, "read").split("_")[1]


def a_new_token(site: str) -> dict[str, Any]:
    return {"owner": site, "scope": [f"push:{site}"]}


def of_window(store: Store, site: str, _owner: str) -> int:
    return announced(store, site)


def of_counting_window(store: Store, site: str, _owner: str) -> int:
    return announced(store, site, approve=True)


def of_held(store: Store, site: str, _owner: str) -> str:
    return held(store, site)


YES, NEW, LATER, NO, GONE, ODD = 200, 201, 202, 403, 404, 422
Row = tuple[tuple[int, int], ...]
ORDER = ("read", "push", "operator", "approve", "admin")
# The status for its own site and for a foreign one, by scope in this order.
SEEN: Row = ((YES, YES), (GONE, GONE), (YES, GONE), (YES, YES), (YES, YES))
FIGURES: Row = ((YES, YES), (NO, NO), (YES, NO), (YES, YES), (YES, YES))
FLEET: Row = ((YES, YES), (NO, NO), (NO, NO), (YES, YES), (YES, YES))
FILTERED: Row = ((YES, YES), (YES, YES), (YES, YES), (YES, YES), (YES, YES))
SUBMITTED: Row = ((NO, NO), (NO, NO), (LATER, NO), (YES, YES), (YES, YES))
DECIDED: Row = ((NO, NO), (NO, NO), (NO, NO), (YES, YES), (YES, YES))
DECIDED_OF_SEEN: Row = ((NO, NO), (GONE, GONE), (NO, GONE), (YES, YES), (YES, YES))
ADMIN: Row = ((NO, NO), (NO, NO), (NO, NO), (NO, NO), (YES, YES))
PERIOD = {"from": str(T0 - 60), "to": str(T0)}
TABLE: dict[str, tuple[str, Call, Row]] = {
    "readiness": ("GET /readyz", get("http://test/readyz"), FLEET),
    "metrics": ("GET /metrics", get("http://test/metrics"), FLEET),
    "list sites": ("GET /api/v1/sites", get("/sites", site="{site}"), SEEN),
    "read site": ("GET /api/v1/sites/{site}", get("/sites/{site}"), SEEN),
    "update site": (
        "PUT /api/v1/sites/{site}",
        post("/sites/{site}", lambda site: as_json(site, name="x"), "PUT", headers={"if-match": "*"}),
        SUBMITTED,
    ),
    "push": (
        "POST /api/v1/sites/{site}/samples",
        post("/sites/{site}/samples", a_push),
        ((NO, NO), (YES, NO), (NO, NO), (NO, NO), (YES, YES)),
    ),
    "list pools": ("GET /api/v1/pools", get("/pools", site="{site}"), SEEN),
    "read ledger": ("GET /api/v1/capacity", get("/capacity", site="{site}"), SEEN),
    "submit": ("POST /api/v1/requests", post("/requests", addition), SUBMITTED),
    "move pool": ("POST /api/v1/requests", post("/requests", a_move), SUBMITTED),
    "probe": (
        "POST /api/v1/probe",
        post("/probe", as_json),
        ((NO, NO), (NO, NO), (ODD, NO), (ODD, ODD), (ODD, ODD)),  # these may, and no source is named
    ),
    "list submissions": ("GET /api/v1/submissions", get("/submissions", site="{site}"), FILTERED),
    "read submission": ("GET /api/v1/submissions/{number}", of("/submissions/{}", waiting), FIGURES),
    "approve": ("POST /api/v1/submissions/{number}/approve", of("/submissions/{}/approve", waiting, "POST"), DECIDED),
    "reject": ("POST /api/v1/submissions/{number}/reject", of("/submissions/{}/reject", waiting, "POST"), DECIDED),
    "withdraw own": (
        "POST /api/v1/submissions/{number}/withdraw",
        of("/submissions/{}/withdraw", waiting, "POST"),
        FIGURES,
    ),
    "withdraw another's": (
        "POST /api/v1/submissions/{number}/withdraw",
        of("/submissions/{}/withdraw", lambda store, site, _owner: waiting(store, site, "somebody else"), "POST"),
        ((NO, NO), (NO, NO), (NO, NO), (NO, NO), (NO, NO)),
    ),
    "create token": (
        "POST /api/v1/tokens",
        post("/tokens", a_new_token),
        ((NO, NO), (NO, NO), (NO, NO), (NO, NO), (NEW, NEW)),
    ),
    "list tokens": ("GET /api/v1/tokens", get("/tokens"), ADMIN),
    "read token": ("GET /api/v1/tokens/{token}", of("/tokens/{}", a_token), ADMIN),
    "revoke token": (
        "POST /api/v1/tokens/{token}/revoke",
        of("/tokens/{}/revoke", a_token, "POST", json={"reason": "x"}),
        ADMIN,
    ),
    "list audit": ("GET /api/v1/audit", get("/audit", subject="{site}"), DECIDED),
    "verify audit": ("GET /api/v1/audit/verification", get("/audit/verification"), DECIDED),
    "list maintenance": ("GET /api/v1/maintenance", get("/maintenance", site="{site}"), SEEN),
    "read maintenance": ("GET /api/v1/maintenance/{number}", of("/maintenance/{}", of_window), SEEN),
    "add maintenance": (
        "POST /api/v1/maintenance",
        post("/maintenance", window_json),
        ((NO, NO), (NO, NO), (NEW, NO), (NEW, NEW), (NEW, NEW)),
    ),
    "add approved maintenance": (
        "POST /api/v1/maintenance",
        post("/maintenance?approve=true", window_json),
        ((NO, NO), (NO, NO), (NO, NO), (NEW, NEW), (NEW, NEW)),
    ),
    "approve maintenance": (
        "POST /api/v1/maintenance/{number}/approve",
        of("/maintenance/{}/approve", of_window, "POST"),
        DECIDED_OF_SEEN,
    ),
    "end waiting maintenance": (
        "POST /api/v1/maintenance/{number}/end",
        of("/maintenance/{}/end", of_window, "POST"),
        ((NO, NO), (GONE, GONE), (YES, GONE), (YES, YES), (YES, YES)),
    ),
    "end counting maintenance": (
        "POST /api/v1/maintenance/{number}/end",
        of("/maintenance/{}/end", of_counting_window, "POST"),
        DECIDED_OF_SEEN,
    ),
    "list quarantine": ("GET /api/v1/quarantine", get("/quarantine", site="{site}"), SEEN),
    "read quarantine": ("GET /api/v1/quarantine/{held}", of("/quarantine/{}", of_held), SEEN),
    "release quarantine": (
        "POST /api/v1/quarantine/{held}/release",
        of("/quarantine/{}/release", of_held, "POST"),
        DECIDED_OF_SEEN,
    ),
    "list alerts": ("GET /api/v1/alerts", get("/alerts", site="{site}"), SEEN),
    "acknowledge alert": (
        "POST /api/v1/alerts/ack",
        post("/alerts/ack", known),
        ((NO, NO), (GONE, GONE), (YES, GONE), (YES, YES), (YES, YES)),
    ),
    "acknowledge everybody's alert": (
        "POST /api/v1/alerts/ack",
        post("/alerts/ack", lambda _site: {"kind": "disk_low", "reason": "扩容中"}),
        ((NO, NO), (GONE, GONE), (GONE, GONE), (YES, YES), (YES, YES)),
    ),
    "rates of": ("GET /api/v1/rates", get("/rates", operator="{operator}"), FIGURES),
    "rates": ("GET /api/v1/rates", get("/rates"), ((YES, YES), (NO, NO), (YES, YES), (YES, YES), (YES, YES))),
    "history of": ("GET /api/v1/history", get("/history", operator="{operator}"), FIGURES),
    "explain of": ("GET /api/v1/rates/explain", get("/rates/explain", operator="{operator}"), FIGURES),
    "benchmarks": ("GET /api/v1/benchmarks", get("/benchmarks"), FLEET),
    "targets": ("GET /api/v1/targets", get("/targets"), FLEET),
    "change": ("GET /api/v1/change", get("/change", **PERIOD), FLEET),
    "funnel": ("GET /api/v1/funnel", get("/funnel"), FLEET),
    "disagreements": ("GET /api/v1/disagreements", get("/disagreements"), FLEET),
}
MATRIX = {verb: dict(zip(ORDER, row, strict=True)) for verb, (_, _, row) in TABLE.items()}
OPEN = {"GET /healthz"}


def test_every_route_of_the_api_is_in_the_table(store: Store) -> None:
    paths = make_api(served(store, Rendering(store))).openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert len(routes) >= 30
    assert routes - OPEN == {route for route, _, _ in TABLE.values()}


def test_the_table_has_every_cell() -> None:
    assert {frozenset(row) for row in MATRIX.values()} == {frozenset(SCOPES)}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("verb", TABLE)
async def test_every_verb_by_every_scope_on_own_and_foreign_sites(store: Store, verb: str, scope: str) -> None:
    async with client(store, *SCOPES[scope]) as api:
        found = [await TABLE[verb][1](api, store, site, SCOPES[scope][0]) for site in SITES]
    assert tuple(one.status_code for one in found) == MATRIX[verb][scope], [one.text for one in found]


@pytest.mark.parametrize("verb", TABLE)
async def test_without_a_token_nothing_is_written(store: Store, verb: str) -> None:
    """Who is on this machine reads, where reading is open, what a token for reading would let them."""
    route, call, _ = TABLE[verb]
    async with client(store) as api:
        found = await call(api, store, "mine", "anyone")
    assert found.status_code == (MATRIX[verb]["read"][0] if route.startswith("GET") else 401)


@pytest.mark.parametrize(
    ("path", "name", "site_of"),
    [
        ("/sites", "sites", "id"),
        ("/pools", "pools", "site"),
        ("/capacity", "capacity", "site"),
        ("/submissions", "submissions", "subject"),
        ("/maintenance", "windows", "site"),
        ("/quarantine?all=true", "quarantine", "site"),
    ],
)
async def test_of_what_is_listed_an_operator_sees_its_own(store: Store, path: str, name: str, site_of: str) -> None:
    for site in SITES:
        waiting(store, site, "x")
        announced(store, site)
    async with client(store, f"register:{MINE}") as mine, client(store, "read") as everything:
        told = [
            {row[site_of].split("/")[0] for row in (await api.get(path)).json()[name]} for api in (mine, everything)
        ]
    assert told == [{"mine"}, {"mine", "theirs"}]
