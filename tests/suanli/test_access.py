"""Tokens: who may do what, who is let in, and that a secret is nowhere but with whoever got it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from suanli.access import (
    AccessError,
    Door,
    Expired,
    Invalid,
    LockedOut,
    Missing,
    Revoked,
    WantedToken,
    WrongNetwork,
    issue,
    revoke,
    token_rows,
)
from suanli.access.lockout import FAILURES, FIRST, LONGEST, WITHIN, LockOut, place_of
from suanli.model.access import VERBS, Principal, Scope, may, scopes_of
from suanli.model.audit import local_author
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_store
from tests.suanli.running import contents, suanli
from tests.suanli.storing import raw

HERE = "192.0.2.7"
CLOCK = Clock(T0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    CLOCK.at = T0
    with a_store(folder=tmp_path, clock=CLOCK) as made:
        yield made


def wanted(*scopes: str, **more: Any) -> WantedToken:
    return WantedToken.model_validate({"owner": "somebody", "scope": scopes or ("read",)} | more)


def given_out(store: Store, *scopes: str, **more: Any) -> tuple[str, str]:
    """A token's id, and its text."""
    issued = issue(store, wanted(*scopes, **more), local_author())
    return issued.token.id, issued.text.get_secret_value()


# ---------------------------------------------------------------- what may be done

ALL, OWN, NONE = (True, True, True), (True, False, False), (False, False, False)
MATRIX = {
    # scope: for its own site, for a foreign one, for all at once; in the order of VERBS
    "read": (ALL, NONE, NONE, NONE, NONE),
    "push:mine": (NONE, OWN, NONE, NONE, NONE),
    "register:甲": (OWN, NONE, OWN, NONE, NONE),
    "approve": (ALL, NONE, ALL, ALL, NONE),
    "admin": (ALL, ALL, ALL, ALL, ALL),
}


@pytest.mark.parametrize("scope", MATRIX)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_by_every_scope(verb: Any, scope: str) -> None:
    who = Principal("id", "somebody", scopes_of([scope]))
    found = may(who, verb, "甲", "mine"), may(who, verb, "乙", "theirs"), may(who, verb)
    assert found == MATRIX[scope][VERBS.index(verb)]


def test_the_table_has_every_scope() -> None:
    assert {Scope.parsed(text).kind for text in MATRIX} == {"read", "push", "register", "approve", "admin"}
    assert {len(row) for row in MATRIX.values()} == {len(VERBS)}


@pytest.mark.parametrize(
    "text",
    ["", "Read", "read:x", "admin:", "push", "push:", "push:*", "push:A", "register", "register:", "register:*", "x:y",
     "register:a\u202eb", "approve ", " read"],
)  # fmt: skip
def test_what_is_no_scope(text: str) -> None:
    with pytest.raises(ValueError, match="expected read, push:SITE"):
        Scope.parsed(text)


# ---------------------------------------------------------------- who is let in


def test_a_token_is_known_by_its_text(store: Store) -> None:
    id_, text = given_out(store, "register:甲", "push:mine")
    found = Door(store).authenticate(text, HERE, T0)
    assert (found.token_id, found.owner) == (id_, "somebody")
    assert sorted(map(str, found.scopes)) == ["push:mine", "register:甲"]


def test_what_is_no_token_ends_alike(store: Store) -> None:
    id_, text = given_out(store)
    door = Door(store)
    secret = text.rpartition("_")[2]
    for wrong in (
        text[:-1] + ("0" if text[-1] != "0" else "1"),
        text + "0",
        f"suanli_{'0' * 12}_{secret}",
        f"suanli_{id_}_",
        f"suanli_{id_}_{'0' * 64}",
        secret,
        "x",
    ):
        with pytest.raises(Invalid, match=r"^the token is not valid$"):
            Door(store).authenticate(wrong, HERE, T0)
    for nothing in (None, "", "  "):
        with pytest.raises(Missing):
            door.authenticate(nothing, HERE, T0)


def test_from_the_second_of_its_end_on_it_counts_no_more(store: Store) -> None:
    _, text = given_out(store, expires="1h")
    door = Door(store)
    assert door.authenticate(text, HERE, T0 + 3599.9).owner == "somebody"
    with pytest.raises(Expired):
        door.authenticate(text, HERE, T0 + 3600)
    given_out(store, expires="never")
    assert token_rows(store)[1]["expires_at"] is None


def test_a_revoked_one_is_refused_at_once_also_by_who_remembers_it(store: Store) -> None:
    id_, text = given_out(store)
    door = Door(store)
    door.authenticate(text, HERE, T0)
    revoke(store, id_, local_author("lost"))
    with pytest.raises(Revoked):
        door.authenticate(text, HERE, T0)
    with pytest.raises(Exception, match="already been revoked"):
        revoke(store, id_, local_author("again"))


def test_only_who_has_the_secret_learns_why_it_is_refused(store: Store) -> None:
    id_, _ = given_out(store, expires="1h")
    with pytest.raises(Invalid):
        Door(store).authenticate(f"suanli_{id_}_{'a' * 64}", HERE, T0 + 9999)


@pytest.mark.parametrize(
    ("networks", "address", "inside"),
    [
        (("192.0.2.0/24",), HERE, True),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("198.51.100.0/24", "192.0.2.7/32"), HERE, True),
        (("198.51.100.0/24",), HERE, False),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), HERE, False),
        (("192.0.2.0/24",), "not an address", False),
    ],
)
def test_it_may_be_bound_to_networks(store: Store, networks: tuple[str, ...], address: str, inside: bool) -> None:
    _, text = given_out(store, network=networks)
    if inside:
        assert Door(store).authenticate(text, address, T0).owner == "somebody"
        return
    with pytest.raises(WrongNetwork):
        Door(store).authenticate(text, address, T0)


def test_its_use_is_noted_at_most_once_a_minute(store: Store) -> None:
    _, text = given_out(store)
    door, used = Door(store), []
    for second in (0, 30, 59, 60, 100):
        door.authenticate(text, HERE, T0 + second)
        used.append(raw(store, "SELECT last_used_at FROM tokens")[0][0] - T0)
    assert used == [0, 0, 0, 60, 60]


@pytest.mark.parametrize(
    "values",
    [{"owner": ""}, {"owner": "a\nb"}, {"scope": ()}, {"expires": "11y"}, {"expires": "0s"}, {"more": 1},
     {"network": ("10.0.0.1/8",)}, {"network": ("x",)}],
)  # fmt: skip
def test_what_cannot_be_asked_for(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WantedToken.model_validate({"owner": "x", "scope": ("read",)} | values)


# ---------------------------------------------------------------- guessing


def guess(door: Door, count: int, at: float, address: str = HERE) -> None:
    for _ in range(count):
        with pytest.raises(Invalid):
            door.authenticate("x", address, at)


def test_who_guesses_is_locked_out_for_longer_each_time(store: Store) -> None:
    _, text = given_out(store)
    door, now, wait = Door(store), float(T0), FIRST
    for _ in range(9):
        guess(door, FAILURES, now)
        for brought in (text, "x", None):
            with pytest.raises(LockedOut) as refused:
                door.authenticate(brought, HERE, now + wait - 1)
            assert refused.value.retry_after == 1
        assert door.authenticate(text, "192.0.2.8", now).owner == "somebody"
        now += wait
        assert door.authenticate(text, HERE, now).owner == "somebody"
        wait = min(LONGEST, 2 * wait)
    assert wait == LONGEST


def test_failures_long_ago_do_not_count(store: Store) -> None:
    door = Door(store)
    guess(door, FAILURES - 1, T0)
    guess(door, FAILURES - 1, T0 + WITHIN)
    with pytest.raises(Invalid):
        door.authenticate("x", HERE, T0 + WITHIN)
    with pytest.raises(LockedOut):
        door.authenticate("x", HERE, T0 + WITHIN)


def test_one_customers_network_counts_as_one_and_memory_has_an_end() -> None:
    assert place_of("2001:db8:1:2:3::4") == place_of("2001:db8:1:2:ffff::1") != place_of("2001:db8:1:3::1")
    assert place_of("::ffff:192.0.2.7") == HERE
    lock = LockOut(addresses=10)
    for place in range(100):
        lock.failed(f"192.0.2.{place}", 0.0)
    assert len(lock._seen) == 10


@given(st.text(max_size=60))
def test_an_address_may_be_any_text(address: str) -> None:
    lock = LockOut()
    for _ in range(FAILURES):
        lock.failed(address, 1.0)
    assert lock.remaining(address, 1.0) == FIRST


# ---------------------------------------------------------------- secrets stay secret


def test_the_secret_is_in_no_file_log_or_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = suanli(tmp_path, "token", "create", "--owner", "甲方", "--scope", "register:甲", "--json")
    text: str = made.data["token"]
    secret = re.fullmatch(r"suanli_[0-9a-f]{12}_([0-9a-f]{64})", text)
    assert secret is not None
    listed = suanli(tmp_path, "token", "list", "--json")
    assert [one["owner"] for one in listed.data["tokens"]] == ["甲方"]
    shown = suanli(tmp_path, "audit", "--json")
    store = Store(f"sqlite:///{tmp_path}/suanli.db")
    door = Door(store)
    door.authenticate(text, HERE, store.now)
    with pytest.raises(AccessError) as error:
        door.authenticate(text[:-1], HERE, store.now)
    store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for place in (kept.decode("latin-1"), listed.out, shown.out, str(error.value), caplog.text, made.err):
        assert secret[1] not in place
    assert b"$argon2id$" in kept


def test_the_commands(tmp_path: Path) -> None:
    dry = suanli(tmp_path, "token", "create", "--owner", "x", "--scope", "read", "--dry-run", "--json")
    assert (dry.code, dry.data["token"]) == (0, None)
    assert suanli(tmp_path, "token", "list", "--json").data == {"tokens": []}
    made = suanli(
        tmp_path, "--lang", "en", "token", "create", "--owner", "x", "--scope", "read", "--network", "10.0.0.0/8"
    )
    assert made.out.startswith("suanli_")
    assert "it is shown this once" in made.err
    (row,) = suanli(tmp_path, "token", "list", "--json").data["tokens"]
    assert (row["scopes"], row["networks"], row["revoked_at"]) == (["read"], ["10.0.0.0/8"], None)
    assert "10.0.0.0/8" in suanli(tmp_path, "token", "list").out
    assert suanli(tmp_path, "token", "revoke", row["id"], "--reason", "lost", "--dry-run").code == 0
    assert suanli(tmp_path, "token", "revoke", row["id"], "--reason", "lost").code == 0
    again = suanli(tmp_path, "token", "revoke", row["id"], "--reason", "lost")
    assert (again.code, "already been revoked" in again.err) == (1, True)
    assert suanli(tmp_path, "token", "revoke", "none", "--reason", "x").code == 2
    wrong = suanli(tmp_path, "token", "create", "--owner", "x", "--scope", "everything")
    assert (wrong.code, "--scope: expected read, push:SITE" in wrong.err) == (2, True)
    assert set(contents(tmp_path)) == {"suanli.db"} or "suanli.db" in contents(tmp_path)
