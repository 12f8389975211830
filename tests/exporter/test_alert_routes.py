"""Alerts over HTTP: who sees which, by what they concern; and what an acknowledgement leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from exporter.api import make_api
from suanli.answers import iso
from suanli.model.alert import KINDS, Alert, AlertState, Label
from suanli.store.alerts import keep_alerts, read_alerts
from suanli.store.audit import audit_rows
from suanli.store.sql import Store
from tests.exporter.making import Rendering, served
from tests.exporter.test_registry_routes import MINE, OTHERS, SITES, client
from tests.suanli.making import T0, Clock, a_pool, a_site, a_store, built

Labels = tuple[tuple[Label, str], ...]


def of_target(scope: str) -> Labels:
    return ("scope", scope), ("metric", "usage_ratio"), ("basis", "fp16")


def an_alert(kind: str, subject: Labels, state: AlertState = "firing", value: float | None = None) -> Alert:
    return Alert(KINDS[kind], subject, KINDS[kind].severity, state, T0, value, 0.5, None)


ALERTS: dict[str, Alert] = {
    "mine": an_alert("site_silent", (("site", "mine"),)),
    "mine, ok": an_alert("used_above_online", (("site", "mine"),), "ok"),
    "theirs": an_alert("site_silent", (("site", "theirs"),), "unknown"),
    "my site's": an_alert("rate_below_target", of_target("site:mine"), "pending", 0.4),
    "my": an_alert("rate_below_target", of_target(f"operator:{MINE}"), "recovering"),
    "their": an_alert("rate_below_target", of_target(f"operator:{OTHERS}")),
    "province's": an_alert("rate_below_target", of_target("province:安徽")),
    "fleet's": an_alert("rate_below_target", of_target("fleet")),
    "all": an_alert("disk_low", ()),
}
MY_OWN = {"mine", "my site's", "my"}
LISTED = set(ALERTS) - {"mine, ok"}


@pytest.fixture
def store() -> Iterator[Store]:
    sites = [a_site(id_, a_pool("p", built(100.0)), operator=operator) for id_, operator in SITES.items()]
    with a_store(*sites, clock=Clock(T0 + 60)) as made:
        with made.writing() as connection:
            keep_alerts(connection, ALERTS.values(), (), T0)
        yield made


def names(answer: Any) -> set[str]:
    known = {(one.kind.name, tuple(one.subject)): name for name, one in ALERTS.items()}
    return {known[row["kind"], tuple(row["subject"].items())] for row in answer.json()["alerts"]}


def body(name: str, reason: str = "已派人到场") -> dict[str, Any]:
    return {"kind": ALERTS[name].kind.name, "subject": dict(ALERTS[name].subject), "reason": reason}


@pytest.mark.parametrize(
    ("scope", "asked", "found"),
    [
        ("read", "", LISTED),
        (f"register:{MINE}", "", MY_OWN),
        ("push:mine", "", set()),
        ("read", "all=true", set(ALERTS)),
        ("read", "state=ok", {"mine, ok"}),
        ("read", "state=unknown", {"theirs"}),
        ("read", "severity=critical", {"all"}),
        ("read", "kind=site_silent", {"mine", "theirs"}),
        ("read", "site=mine", {"mine", "my site's"}),
        ("read", f"operator={MINE}", MY_OWN),
        (f"register:{MINE}", f"operator={MINE}", MY_OWN),
        (f"register:{MINE}", f"operator={OTHERS}", set()),
        ("read", "province=安徽", {"mine", "theirs", "my site's", "province's"}),
        (f"register:{MINE}", "province=安徽", {"mine", "my site's"}),
        ("read", f"operator={MINE}&province=安徽", {"mine", "my site's"}),
    ],
)
async def test_each_sees_what_concerns_its_own_sites(store: Store, scope: str, asked: str, found: set[str]) -> None:
    async with client(store, scope) as api:
        assert names(await api.get(f"/alerts?{asked}")) == found


async def test_a_page_after_the_other_has_each_once_and_is_as_the_document_says(store: Store) -> None:
    document = make_api(served(store, Rendering(store))).openapi()
    content = document["paths"]["/api/v1/alerts"]["get"]["responses"]["200"]["content"]["application/json"]
    check = jsonschema_rs.validator_for(content["schema"] | {"components": document["components"]})
    rows, cursor = [], ""
    async with client(store, "read") as api:
        while cursor is not None:
            page = (await api.get(f"/alerts?all=true&limit=2{cursor and '&cursor=' + cursor}")).json()
            assert check.is_valid(page)
            assert page["looked_at"] == iso(T0)
            rows += page["alerts"]
            cursor = page["next"]
    assert len(rows) == len(ALERTS) == len({str((row["kind"], row["subject"])) for row in rows})
    (row,) = [row for row in rows if row["state"] == "pending"]
    assert row["text"]["en"] == "site:mine: usage_ratio is 40.0 %, below its target of 50.0 %"
    assert row["text"]["zh"] == "site:mine：usage_ratio 为 40.0 %，低于目标 50.0 %"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("kind=x", "kind"),
        ("state=x", "state"),
        ("severity=x", "severity"),
        ("sites=mine", "sites"),
        ("limit=0", "limit"),
    ],
)
async def test_a_filter_with_a_slip_is_none(store: Store, asked: str, field: str) -> None:
    async with client(store, "read") as api:
        answer = await api.get(f"/alerts?{asked}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_who_acknowledges_is_recorded_with_the_reason_and_a_dry_run_leaves_nothing(store: Store) -> None:
    async with client(store, f"register:{MINE}") as api:
        tried = await api.post("/alerts/ack?dry_run=true", json=body("mine"))
        assert (tried.status_code, tried.json()["applied"]) == (200, False)
        assert standing(store, "mine").acknowledged_by == ""
        done = await api.post("/alerts/ack", json=body("mine"))
        assert (done.json()["applied"], done.json()["acknowledged_why"]) == (True, "已派人到场")
        (listed,) = [row for row in (await api.get("/alerts?state=firing")).json()["alerts"] if row["acknowledged_by"]]
        assert done.json() == listed | {"applied": True}
    assert standing(store, "mine").acknowledged_by == f"register:{MINE}"  # the owner of the token
    with store.reading() as connection:
        row = audit_rows(connection, limit=1)[0]
    assert (row.action, row.subject, row.reason) == ("alert.acknowledge", "site_silent:mine", "已派人到场")
    assert row.actor.startswith("token:")
    assert row.request_id == done.headers["x-request-id"]


@pytest.mark.parametrize("name", ["theirs", "their", "province's", "fleet's", "all", "mine, ok", "my site's"])
async def test_what_does_not_fire_and_what_is_not_ones_own_are_told_alike(store: Store, name: str) -> None:
    async with client(store, f"register:{MINE}") as api:
        answer = await api.post("/alerts/ack", json=body(name))
    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("does not fire; `suanli alerts list` shows what does")
    assert not any(one.acknowledged_by for one in all_of(store).values())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "two\nlines"}, "reason"),
        ({"reason": None}, "reason"),
        ({"kind": "x"}, "kind"),
        ({"subject": {}}, "subject"),
        ({"subject": {"site": ""}}, "subject"),
        ({"subject": {"site": "mine", "basis": "fp16"}}, "subject"),
        ({"by": "somebody else"}, "by"),
    ],
)
async def test_what_cannot_be_meant_is_refused_field_by_field(store: Store, change: Any, field: str) -> None:
    async with client(store, "admin") as api:
        answer = await api.post("/alerts/ack", json=body("mine") | change)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert standing(store, "mine").acknowledged_by == ""


def all_of(store: Store) -> dict[Any, Alert]:
    with store.reading() as connection:
        return read_alerts(connection)


def standing(store: Store, name: str) -> Alert:
    return all_of(store)[ALERTS[name].kind.name, ALERTS[name].subject]
