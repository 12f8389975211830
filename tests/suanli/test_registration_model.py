"""Register, add, correct, approve, reject, retire in any order: the record says what a plain table of days says."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from suanli.model.access import Principal, scopes_of
from suanli.model.audit import Author
from suanli.model.errors import Forbidden, InputError, SuanliError
from suanli.model.request import REQUEST, SitesRequest
from suanli.registering.asker import Asker
from suanli.registering.office import Office
from suanli.store import audit
from tests.suanli.making import T0, Clock, a_pool, a_site, config, database, local, open_store

pytestmark = pytest.mark.usefixtures("both_databases")

FIRST = date(2026, 1, 1)
DAYS = 12
OPERATORS = ("甲", "乙")


def asker(name: str, *scopes: str) -> Asker:
    who = Principal(name, name, scopes_of(scopes))
    return Asker(who, Author(actor=who.actor))


BUREAU = asker("bureau", "approve")
DESKS = {operator: asker(operator, f"register:{operator}") for operator in OPERATORS}


class Plain:
    """What the registry should say of one site, day by day; None: nothing is said."""

    def __init__(self, operator: str) -> None:
        self.operator = operator
        self.built: list[float | None] = [None] * DAYS
        self.starts: set[int] = set()
        self.retired_from = DAYS

    def add(self, day: int, amount: float) -> bool:
        """An entry that ends where the next begins; refused where its time is taken."""
        if self.starts and min(self.starts) <= day <= max(self.starts):
            return False
        end = min((start for start in self.starts if start > day), default=DAYS)
        self.built[day:end] = [amount] * (end - day)
        self.starts.add(day)
        return True

    def correct(self, day: int, end: int, amount: float) -> bool:
        """What is said of these days is said anew; refused where nothing is said of any of them."""
        if all(one is None for one in self.built[day:end]):
            return False
        self.built[day:end] = [amount] * (end - day)
        self.starts.add(day)
        if end < DAYS and self.built[end] is not None:
            self.starts.add(end)
        return True


days = st.integers(0, DAYS - 1)
amounts = st.sampled_from([1.0, 2.0, 3.0])
names = st.sampled_from(["a", "b", "c"])


class Registration(RuleBasedStateMachine):
    """Two operators and a bureau at one office."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="suanli-test-")
        self.store = open_store(database(Path(self._folder.name)), Clock(T0))
        self.office = Office(self.store, config())
        self.sites: dict[str, Plain] = {}
        self.pending: dict[int, tuple[str, dict[str, Any]]] = {}

    def teardown(self) -> None:
        self.store.close()
        self._folder.cleanup()

    @rule(name=names, operator=st.sampled_from(OPERATORS))
    def register(self, name: str, operator: str) -> None:
        if name in self.sites:
            return
        request = SitesRequest(sites=(a_site(name, a_pool("p"), operator=operator),))
        assert self.office.submit(BUREAU, request)["state"] == "applied"
        self.sites[name] = Plain(operator)

    @precondition(lambda self: self.sites)
    @rule(
        data=st.data(), by=st.sampled_from([*OPERATORS, "bureau"]), day=days, amount=amounts, length=st.integers(1, 4)
    )
    def ask(self, data: st.DataObject, by: str, day: int, amount: float, length: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.sites)))
        action = data.draw(st.sampled_from(["capacity.add", "capacity.correct"]))
        asked = {"action": action, "day": day, "amount": amount, "end": min(day + length, DAYS)}
        request = REQUEST.validate_python(self._request(name, asked))
        who = DESKS.get(by, BUREAU)
        if by != "bureau" and by != self.sites[name].operator:
            with pytest.raises(Forbidden):
                self.office.submit(who, request)
        elif not self._fits(name, asked):
            with pytest.raises(InputError):
                self.office.submit(who, request)
        else:
            answer = self.office.submit(who, request)
            if answer["state"] == "pending":
                self.pending[answer["submission"]] = (name, asked)
            else:
                assert (answer["state"], by) in {("applied", "bureau"), ("unchanged", by)}
                self._done(name, asked)

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), verdict=st.sampled_from(["approved", "rejected", "withdrawn"]))
    def decide(self, data: st.DataObject, verdict: Any) -> None:
        number = data.draw(st.sampled_from(sorted(self.pending)))
        name, asked = self.pending[number]
        who = DESKS[self.sites[name].operator] if verdict == "withdrawn" else BUREAU
        if verdict == "approved" and not self._fits(name, asked):
            with pytest.raises(InputError):
                self.office.decide(who, number, verdict)
            return
        assert self.office.decide(who, number, verdict, "because")["state"] == verdict
        del self.pending[number]
        if verdict == "approved":
            self._done(name, asked)
        with pytest.raises(SuanliError):
            self.office.decide(who, number, verdict)

    @precondition(lambda self: self.sites)
    @rule(data=st.data(), day=days)
    def retire(self, data: st.DataObject, day: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.sites)))
        site = self.office.site(BUREAU, name).model_copy(update={"status": "retired"})
        self.office.submit(BUREAU, SitesRequest(sites=(site,), effective=FIRST + timedelta(day)))
        if self.sites[name].retired_from == DAYS:  # said once, it is not said again: see `suanli site retire`
            self.sites[name].retired_from = day

    @invariant()
    def the_record_says_what_the_table_says(self) -> None:
        for day in (0, DAYS // 2, DAYS - 1):
            found = {one.site: one for one in self.store.states(local(FIRST + timedelta(day)) + 3600)}
            assert {name: one.built_pflops for name, one in found.items()} == {
                name: plain.built[day] for name, plain in self.sites.items()
            }
            assert {name for name, one in found.items() if one.status == "retired"} == {
                name for name, plain in self.sites.items() if day >= plain.retired_from
            }

    @invariant()
    def what_waits_is_what_was_not_decided(self) -> None:
        waiting = self.office.submissions(BUREAU, "pending")
        assert [one["id"] for one in waiting] == sorted(self.pending)
        with self.store.reading() as connection:
            assert audit.verified(connection) is None

    def _request(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        entry = {"from": FIRST + timedelta(asked["day"]), "stage": "built", "pflops": asked["amount"], "source": "x"}
        if asked["action"] == "capacity.correct":
            entry |= {"until": FIRST + timedelta(asked["end"]), "reason": "correction"}
        return {"action": asked["action"], "site": name, "pool": "p", "entry": entry}

    def _fits(self, name: str, asked: dict[str, Any]) -> bool:
        plain = self.sites[name]
        trial = Plain(plain.operator)
        trial.built, trial.starts = list(plain.built), set(plain.starts)
        return self._try(trial, asked)

    def _done(self, name: str, asked: dict[str, Any]) -> None:
        assert self._try(self.sites[name], asked)

    def _try(self, plain: Plain, asked: dict[str, Any]) -> bool:
        if asked["action"] == "capacity.add":
            return plain.add(asked["day"], asked["amount"])
        return plain.correct(asked["day"], asked["end"], asked["amount"])


@pytest.mark.timeout(170)
def test_any_order_of_registration(both_databases: str) -> None:
    examples = 12 if both_databases == "sqlite" else 3
    run_state_machine_as_test(
        Registration, settings=settings(max_examples=examples, stateful_step_count=15, deadline=None)
    )
