"""The office: who may decide changes the registry at once, all others wait; the rules are the same everywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from suanli.config import Config
from suanli.model.access import Principal, scopes_of
from suanli.model.audit import Author
from suanli.model.errors import Forbidden, InputError, SuanliError, Unavailable
from suanli.model.request import AdditionRequest, CorrectionRequest, Request, SitesRequest
from suanli.model.site import Site
from suanli.model.where import Where
from suanli.registering.asker import Asker, local_asker
from suanli.registering.office import Office
from suanli.store.audit import audit_rows
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, config, local, open_store

pytestmark = pytest.mark.usefixtures("both_databases")

MINE, OTHERS = "示例运营方", "另一运营方"
TWO = config(registration={"two_person": True})


def asker(*scopes: str, owner: str = "x") -> Asker:
    principal = Principal("id-" + owner, owner, scopes_of(scopes))
    return Asker(principal, Author(actor=principal.actor))


OPERATOR, BUREAU, READER = asker(f"register:{MINE}", owner="op"), asker("approve", owner="bureau"), asker("read")


@pytest.fixture
def store() -> Iterator[Store]:
    sites = (a_site("mine", operator=MINE), a_site("theirs", operator=OTHERS))
    with a_store(*sites, clock=Clock(T0)) as made:
        made.append([a_sample(T0, 80.0, 40.0, site=site) for site in ("mine", "theirs")])
        yield made


def office(store: Store, settings: Config | None = None) -> Office:
    return Office(store, settings or config())


def more(site: str = "mine", pflops: float = 150.0, since: date = date(2026, 11, 1), **entry: Any) -> AdditionRequest:
    plain = {"from": since, "stage": "built", "pflops": pflops, "source": "验收报告"}
    return AdditionRequest.model_validate({"site": site, "pool": "p", "entry": plain | entry})


def corrected(site: str = "mine") -> CorrectionRequest:
    entry = {"from": date(2024, 6, 1), "stage": "built", "pflops": 90.0, "source": "x", "reason": "correction"}
    return CorrectionRequest.model_validate({"site": site, "pool": "p", "entry": entry})


def built_now(store: Store) -> dict[str, float | None]:
    found = {state.site: state.built_pflops for state in store.states(T0)}
    assert found == {state.site: state.built_pflops for state in store.states_now(T0)}
    return found


BEFORE = {"mine": 100.0, "theirs": 100.0}


def test_what_an_operator_submits_waits_and_counts_nowhere(store: Store) -> None:
    answer = office(store).submit(OPERATOR, more())
    assert (answer["state"], answer["submission"]) == ("pending", 1)
    assert answer["changes"][-1].startswith("+ capacity mine/p: built 150 PFLOPS from 2026-11-01")
    now = answer["figures"][0]
    assert (now["before"]["built_pflops"], now["after"]["built_pflops"]) == (200.0, 250.0)
    assert built_now(store) == BEFORE
    (row,) = office(store).submissions(BUREAU, "pending")
    assert (row["id"], row["subject"], row["operators"], row["submitted_by"]) == (1, "mine/p", [MINE], "token:id-op op")


def test_it_is_shown_in_the_ledger_as_planned(store: Store) -> None:
    office(store).submit(OPERATOR, more())
    rows = office(store).ledger(OPERATOR)
    assert {(row["site"], row["stage"], row["pflops"], row["submission"]) for row in rows} == {
        ("mine", "built", 100.0, None),
        ("mine", "planned", 150.0, 1),
    }
    assert all(state.planned_pflops is None for state in store.states(T0))
    assert len(office(store).ledger(OPERATOR, as_of=T0 + 1)) == 1
    november = local(date(2026, 11, 1))
    assert [len(office(store).ledger(OPERATOR, at=at)) for at in (november - 1, november)] == [1, 2]


def test_the_bureau_approves_and_exactly_that_changes(store: Store) -> None:
    asked = office(store).submit(OPERATOR, more())
    answer = office(store).decide(BUREAU, 1, "approved", "seen on site")
    assert (answer["state"], answer["changes"], answer["figures"]) == ("approved", asked["changes"], asked["figures"])
    assert built_now(store) == BEFORE | {"mine": 150.0}
    assert office(store).submissions(BUREAU, "pending") == []
    (row,) = office(store).submissions(OPERATOR)
    assert (row["state"], row["decided_by"], row["why"]) == ("approved", "token:id-bureau bureau", "seen on site")
    with store.reading() as connection:
        found = [(one.actor, one.action, one.subject) for one in audit_rows(connection)][-5:]
    assert found == [
        ("token:id-op op", "submission.submit", "mine/p"),
        *(("token:id-bureau bureau", f"capacity.{verb}", "mine/p") for verb in ("supersede", "add", "add")),
        ("token:id-bureau bureau", "submission.approve", "mine/p"),
    ]


def test_a_decision_is_made_once(store: Store) -> None:
    office(store).submit(OPERATOR, more())
    office(store).decide(BUREAU, 1, "rejected", "no report")
    assert built_now(store) == BEFORE
    with pytest.raises(SuanliError, match="was rejected by token:id-bureau"):
        office(store).decide(BUREAU, 1, "approved")
    with pytest.raises(InputError, match="no submission 2"):
        office(store).decide(BUREAU, 2, "approved")


def test_only_who_submitted_withdraws(store: Store) -> None:
    office(store).submit(OPERATOR, more())
    with pytest.raises(Forbidden, match="withdrawn by who submitted it"):
        office(store).decide(BUREAU, 1, "withdrawn")
    assert office(store).decide(OPERATOR, 1, "withdrawn")["state"] == "withdrawn"
    assert built_now(store) == BEFORE


@pytest.mark.parametrize("who", [OPERATOR, READER])
@pytest.mark.parametrize("verdict", ["approved", "rejected"])
def test_who_may_not_decide_is_refused(store: Store, who: Asker, verdict: Any) -> None:
    office(store).submit(OPERATOR, more())
    with pytest.raises(Forbidden):
        office(store).decide(who, 1, verdict)
    assert office(store).submissions(BUREAU, "pending")[0]["state"] == "pending"


@pytest.mark.parametrize(
    ("who", "request_"),
    [
        (OPERATOR, more("theirs")),
        (OPERATOR, corrected("theirs")),
        (OPERATOR, more("nowhere")),
        (OPERATOR, SitesRequest(sites=(a_site("new", operator=OTHERS),))),
        (OPERATOR, SitesRequest(sites=(a_site("theirs", operator=MINE),))),
        (OPERATOR, SitesRequest(sites=(a_site("mine", operator=OTHERS),))),
        (READER, more()),
        (asker("push:mine"), more()),
    ],
)
def test_foreign_sites_are_out_of_reach(store: Store, who: Asker, request_: Request) -> None:
    """Not even to be taken over, given away, or found out about."""
    for dry_run in (True, False):
        with pytest.raises(Forbidden, match="may not submit anything for site"):
            office(store).submit(who, request_, dry_run=dry_run)
    assert office(store).submissions(BUREAU) == []


def test_an_operator_sees_only_what_is_its_own(store: Store) -> None:
    office(store).submit(asker(f"register:{OTHERS}"), more("theirs"))
    desk = office(store)
    assert [row["id"] for row in desk.sites(OPERATOR)] == ["mine"]
    assert desk.submissions(OPERATOR) == []
    assert {row["site"] for row in desk.ledger(OPERATOR)} == {"mine"}
    for forbidden in (lambda: desk.site(OPERATOR, "theirs"), lambda: desk.ledger(OPERATOR, Where("theirs"))):
        with pytest.raises(InputError, match="no site 'theirs'; registered: mine"):
            forbidden()
    with pytest.raises(Forbidden):
        desk.submission(OPERATOR, 1)
    assert desk.submission(BUREAU, 1)["request"]["site"] == "theirs"


def test_who_may_decide_is_obeyed_at_once(store: Store) -> None:
    assert office(store).submit(BUREAU, more())["state"] == "applied"
    assert (
        office(store).submit(BUREAU, SitesRequest(sites=(office(store).site(BUREAU, "mine"),)))["state"] == "unchanged"
    )
    assert built_now(store) == BEFORE | {"mine": 150.0}


def test_with_two_persons_nobody_decides_on_their_own(store: Store) -> None:
    assert office(store, TWO).submit(BUREAU, more())["state"] == "pending"
    assert office(store, TWO).submit(local_asker(), more("theirs"))["state"] == "pending"
    for who, number in ((BUREAU, 1), (local_asker(), 2)):
        with pytest.raises(Forbidden, match="another person decides"):
            office(store, TWO).decide(who, number, "approved")
    assert office(store, TWO).decide(local_asker(), 1, "approved")["state"] == "approved"
    assert office(store, TWO).decide(asker("approve", owner="other"), 2, "approved")["state"] == "approved"
    assert built_now(store) == {"mine": 150.0, "theirs": 150.0}


def test_what_cannot_be_is_refused_when_it_is_submitted_and_when_it_is_approved(store: Store) -> None:
    with pytest.raises(InputError, match="the ledger already says"):
        office(store).submit(OPERATOR, more(since=date(2024, 1, 1), until=date(2024, 2, 1)))
    office(store).submit(OPERATOR, more(since=date(2026, 11, 2)))
    office(store).submit(BUREAU, more(since=date(2026, 11, 1), pflops=130.0, until=None))
    office(store).submit(BUREAU, more(since=date(2026, 11, 2), pflops=140.0))
    with pytest.raises(InputError, match="the ledger already says"):
        office(store).decide(BUREAU, 1, "approved")
    assert office(store).submissions(BUREAU, "pending")[0]["id"] == 1
    assert {row["submission"] for row in office(store).ledger(BUREAU)} == {None}


def test_a_try_keeps_nothing(store: Store) -> None:
    version = store.registry_version
    answer = office(store).submit(OPERATOR, more(), dry_run=True)
    assert (answer["state"], answer["submission"]) == ("tried", None)
    store.reload()
    assert store.registry_version == version
    assert office(store).submissions(BUREAU) == []


SECRETS = {"registration": {"secrets": "/etc/suanli/sites"}}


@pytest.mark.parametrize(
    ("auth", "tls", "wrong"),
    [
        ({"kind": "bearer", "token": {"file": "/etc/suanli/sites/mine.token"}}, {}, ""),
        ({"kind": "bearer", "token": {"env": "SUANLI_SITE_MINE"}}, {"ca": "/etc/suanli/sites/mine.ca.pem"}, ""),
        ({"kind": "bearer", "token": {"file": "/etc/suanli/sites/theirs.token"}}, {}, "source.auth.token.file"),
        ({"kind": "bearer", "token": {"file": "/etc/suanli/sites/mine./../../passwd"}}, {}, "source.auth.token.file"),
        ({"kind": "bearer", "token": {"file": "/etc/shadow"}}, {}, "source.auth.token.file"),
        ({"kind": "bearer", "token": {"env": "SUANLI_INFLUX_TOKEN"}}, {}, "source.auth.token.env"),
        ({"kind": "bearer", "token": {"env": "SUANLI_SITE_MINE2"}}, {}, "source.auth.token.env"),
        ({"kind": "basic", "user": "u", "password": {"env": "PATH"}}, {}, "source.auth.password.env"),
        ({"kind": "none"}, {"ca": "/etc/shadow"}, "source.tls.ca"),
        ({"kind": "none"}, {"cert": "/a.pem", "key": "/b.pem"}, "source.tls.cert"),
    ],
)
def test_an_operator_names_only_secrets_of_its_own_site(
    store: Store, auth: dict[str, Any], tls: dict[str, Any], wrong: str
) -> None:
    """Else any file of the machine could be had, by naming it as the token for a URL of one's own."""
    source = {"kind": "http_json", "url": "https://api.example", "auth": auth, "tls": tls}
    source |= {"settings": {"fields": {"online": "up"}}}
    site = Site.model_validate(a_site("mine", operator=MINE).model_dump(by_alias=True) | {"source": source})
    request = SitesRequest(sites=(site,))
    if wrong:
        with pytest.raises(InputError, match=f"site mine: {wrong}"):
            office(store).submit(OPERATOR, request)
        assert office(store).submit(BUREAU, request)["state"] == "applied"
    assert office(store).submit(OPERATOR, request)["state"] == ("unchanged" if wrong else "pending")


def submitted(desk: Office, who: Asker, request: Request) -> None:
    """Whoever waits for the others for too long is told so, and comes again."""
    for _ in range(10):
        try:
            desk.submit(who, request)
            return
        except Unavailable:
            continue
    raise AssertionError("no turn in ten tries")


def test_fifty_writers_at_once_lose_nothing_and_repeat_nothing(tmp_path: Any) -> None:
    sites = [a_site(f"s{place}", a_pool("p", built(100.0)), operator=MINE) for place in range(50)]
    with a_store(*sites, folder=tmp_path, clock=Clock(T0)) as store:
        failed: list[BaseException] = []

        def write(place: int) -> None:
            try:
                with closing(open_store(str(store.engine.url), Clock(T0))) as own:
                    submitted(office(own), OPERATOR if place % 2 else BUREAU, more(f"s{place}"))
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=write, args=(place,)) for place in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        store.reload()
        assert sorted(state.built_pflops or 0 for state in store.states(T0)) == [100.0] * 25 + [150.0] * 25
        waiting = office(store).submissions(BUREAU, "pending")
        assert [one["id"] for one in waiting] == list(range(1, 26))
        assert {one["subject"] for one in waiting} == {f"s{place}/p" for place in range(1, 50, 2)}
