"""Who is let in by which token, from where and how long; and how long one who guesses is not listened to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suanli.access import (
    AccessError,
    Door,
    Expired,
    Invalid,
    Issued,
    LockedOut,
    Missing,
    Revoked,
    WantedToken,
    WrongNetwork,
    issue,
    revoke,
    text,
)
from suanli.access.lockout import FAILURES, FIRST, LONGEST, WITHIN, LockOut
from suanli.model.audit import Author
from suanli.model.errors import InputError, SuanliError
from suanli.store.sql import Store
from suanli.store.tokens import tokens
from tests.suanli.making import T0, Clock, a_store
from tests.suanli.storing import file_of, full, raw

ME = Author(actor="local:me")
HERE = "192.0.2.7"
YEAR = 365 * 86400


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(clock=Clock(T0)) as made:
        yield made


def given(store: Store, **values: Any) -> Issued:
    return issue(store, WantedToken.model_validate({"owner": "王工", "scope": ("read",)} | values), ME)


def words(issued: Issued) -> str:
    return issued.text.get_secret_value()


def refused(door: Door, token: str | None, now: float = T0, address: str = HERE) -> AccessError:
    with pytest.raises(AccessError) as caught:
        door.authenticate(token, address, now)
    return caught.value


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes beside which a secret is laid from now on."""
    compared: list[str] = []

    def fits(kept: str, secret: str) -> bool:
        compared.append(kept)
        return text.fits(kept, secret)

    monkeypatch.setattr("suanli.access.door.fits", fits)
    return compared


def test_who_brings_a_token_is_known_by_it(store: Store) -> None:
    one = given(store, scope=("approve", "register:运营方甲", "approve"))
    found = Door(store).authenticate(words(one), HERE, T0)
    assert (found.token_id, found.owner) == (one.token.id, "王工")
    assert sorted(map(str, found.scopes)) == ["approve", "register:运营方甲"]
    assert one.token.id in found.actor


def test_a_token_has_256_random_bits_and_no_two_are_alike(store: Store) -> None:
    texts = [text.new_text()[1].get_secret_value() for _ in range(100)]
    secrets = [one.split("_")[2] for one in texts]
    assert len(set(secrets)) == 100
    assert {len(bytes.fromhex(one)) * 8 for one in secrets} == {256}


def test_the_secret_is_nowhere(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the database and its log of writes, not in what is logged, told or shown of the objects."""
    caplog.set_level(logging.DEBUG)
    one = given(store)
    secret = words(one).split("_")[2]
    door = Door(store)
    wrong = words(one)[:-8] + "0" * 8
    seen = [repr(one), str(one.text), repr(door.authenticate(words(one), HERE, T0)), repr(vars(door))]
    seen += [str(refused(door, wrong)), repr(refused(door, wrong)), caplog.text]
    revoke(store, one.token.id, ME)
    seen += [str(refused(door, words(one))), caplog.text]
    assert [told for told in seen if secret[:32] in told or secret[-32:] in told] == []
    files = list(Path(file_of(store)).parent.iterdir())
    assert len(files) >= 2, "the database and its write-ahead log"
    assert b"$argon2id$" in b"".join(file.read_bytes() for file in files)
    for file in files:
        assert secret.encode() not in file.read_bytes()
        assert bytes.fromhex(secret) not in file.read_bytes()


def test_nothing_is_told_of_which_part_was_wrong(store: Store) -> None:
    one, other = words(given(store)), words(given(store))
    parts, others = one.split("_"), other.split("_")
    wrong = [
        f"suanli_{parts[1]}_{others[2]}",
        f"suanli_{'0' * 12}_{parts[2]}",
        f"suanli_{parts[1]}_{parts[2]}x",
        f"suanli_{parts[1]}_",
        one.upper(),
        one + "\n",
        f" {one}",
        "x" * 1_000_000,
        "suanli_\udcff_x",
    ]
    faults = [refused(Door(store), token) for token in wrong]
    assert {(type(fault), str(fault), fault.status) for fault in faults} == {(Invalid, "the token is not valid", 401)}


def test_an_id_that_is_not_there_costs_as_much_as_a_wrong_secret(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = words(given(store)).split("_")
    compared = counted(monkeypatch)
    refused(Door(store), f"suanli_{one[1]}_{'0' * 64}")
    refused(Door(store), f"suanli_{'0' * 12}_{'0' * 64}")
    assert [kept.rsplit("$", 2)[0] for kept in compared] == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


@pytest.mark.parametrize("token", [None, "", " ", "\t"])
def test_no_token_is_none(store: Store, token: str | None) -> None:
    assert isinstance(refused(Door(store), token), Missing)


@pytest.mark.parametrize("kept", ["", "plain", "$argon2id$v=19$m=19456,t=2,p=1$$", text.NOBODYS])
def test_no_empty_or_made_up_hash_lets_anybody_in(store: Store, kept: str) -> None:
    one = given(store)
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE tokens SET hash = ?", (kept,))
    for secret in ("0" * 64, words(one).split("_")[2]):
        assert isinstance(refused(Door(store), f"suanli_{one.token.id}_{secret}"), Invalid)


@pytest.mark.parametrize(
    ("expires", "last"), [("1s", 0), ("90d", 90 * 86400 - 1), ("1y", YEAR - 1), ("10y", 10 * YEAR - 1)]
)
def test_a_token_is_good_up_to_its_last_second(store: Store, expires: str, last: int) -> None:
    one, door = given(store, expires=expires), Door(store)
    door.authenticate(words(one), HERE, T0 + last)
    door.authenticate(words(one), HERE, T0 + last + 0.999)
    assert isinstance(refused(door, words(one), T0 + last + 1), Expired)
    door.authenticate(words(one), HERE, T0 + last)


def test_a_token_is_good_for_a_year_if_nothing_else_is_said_or_for_ever(store: Store) -> None:
    assert given(store).token.expires_at == T0 + YEAR
    one = given(store, expires="never")
    assert one.token.expires_at is None
    Door(store).authenticate(words(one), HERE, T0 + 100 * YEAR)


def test_that_it_has_expired_or_was_revoked_is_told_only_to_who_has_the_secret(store: Store) -> None:
    short, gone = given(store, expires="1s"), given(store)
    revoke(store, gone.token.id, ME)
    for one in (short, gone):
        assert isinstance(refused(Door(store), f"suanli_{one.token.id}_{'0' * 64}", T0 + 9), Invalid)
    assert isinstance(refused(Door(store), words(short), T0 + 9), Expired)
    assert isinstance(refused(Door(store), words(gone), T0 + 9), Revoked)


def test_only_the_first_request_pays_and_a_revoked_token_is_refused_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, door, compared = given(store), Door(store), counted(monkeypatch)
    for second in range(3):
        door.authenticate(words(one), HERE, T0 + second)
    assert len(compared) == 1
    assert isinstance(refused(door, f"suanli_{one.token.id}_{'0' * 64}"), Invalid), (
        "what is remembered is the whole text"
    )
    with a_store() as other:  # revoked by another process
        other.engine = store.engine
        revoke(other, one.token.id, ME)
    assert isinstance(refused(door, words(one), T0 + 4), Revoked)


def test_a_secret_that_was_right_is_not_right_for_another_hash(store: Store) -> None:
    one, door = given(store), Door(store)
    door.authenticate(words(one), HERE, T0)
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE tokens SET hash = ?", (text.NOBODYS,))
    assert isinstance(refused(door, words(one)), Invalid)


@pytest.mark.parametrize(
    ("networks", "address", "let_in"),
    [
        (("10.1.0.0/16",), "10.1.255.255", True),
        (("10.1.0.0/16",), "10.2.0.0", False),
        (("10.1.0.0/16", "2001:db8::/32"), "2001:db8:1::1", True),
        (("10.1.0.0/16",), "2001:db8::1", False),
        (("10.1.0.0/16",), "::ffff:10.1.2.3", True),
        (("10.1.2.3",), "10.1.2.3", True),
        (("10.1.0.0/16",), "", False),
        (("10.1.0.0/16",), "testclient", False),
        ((), "testclient", True),
    ],
)
def test_a_token_may_be_bound_to_networks(store: Store, networks: tuple[str, ...], address: str, let_in: bool) -> None:
    one = given(store, network=networks)
    if let_in:
        Door(store).authenticate(words(one), address, T0)
    else:
        fault = refused(Door(store), words(one), address=address)
        assert (type(fault), fault.status) == (WrongNetwork, 403)


def test_its_last_use_is_noted_once_a_minute_at_most(store: Store) -> None:
    one, door = given(store), Door(store)
    used = []
    for second in (0, 1, 59, 60, 61, 119, 120):
        door.authenticate(words(one), HERE, T0 + second)
        used.append(raw(store, "SELECT last_used_at FROM tokens")[0][0] - T0)
    assert used == [0, 0, 0, 60, 60, 60, 120]


def test_a_store_that_cannot_be_written_lets_in_all_the_same(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    one = given(store)
    store.engine.dispose()
    with store.writing() as connection:
        connection.exec_driver_sql("CREATE TRIGGER no BEFORE UPDATE ON tokens BEGIN SELECT RAISE(ABORT, 'full'); END")
    assert Door(store).authenticate(words(one), HERE, T0).owner == "王工"
    assert "is not noted" in caplog.text
    full(store)
    assert Door(store).authenticate(words(one), HERE, T0).owner == "王工"


# ---------------------------------------------------------------- giving and taking back


@pytest.mark.parametrize(
    "values",
    [
        *({"owner": one} for one in ("", "  ", "a\nb", "\u202ex", "x" * 121)),
        *({"scope": one} for one in ((), ("all",), ("read", "push:*"))),
        *({"expires": one} for one in ("0d", "-1d", "11y", "forever", "", "90")),
        *({"network": (one,)} for one in ("10.0.0.1/8", "x", "", "10.0.0.0/33")),
    ],
)
def test_what_cannot_be_given_is_refused(store: Store, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|at least 1|should"):
        given(store, **values)
    assert raw(store, "SELECT count(*) FROM tokens") == [(0,)]


def test_a_dry_run_gives_and_takes_nothing(store: Store) -> None:
    one = issue(store, WantedToken(owner="x", scope=("admin",)), ME, dry_run=True)
    assert isinstance(refused(Door(store), words(one)), Invalid)
    kept = given(store)
    revoke(store, kept.token.id, ME, dry_run=True)
    Door(store).authenticate(words(kept), HERE, T0)
    assert raw(store, "SELECT action FROM audit") == [("token.create",)]


def test_a_token_is_revoked_once_and_stays_in_the_list(store: Store) -> None:
    one = given(store)
    revoke(store, one.token.id, Author(actor="local:me", reason="lost"))
    with pytest.raises(SuanliError, match="already been revoked"):
        revoke(store, one.token.id, ME)
    with pytest.raises(InputError, match="no token 'nobody'"):
        revoke(store, "nobody", ME)
    with store.reading() as connection:
        assert [(found.id, found.revoked_at) for found in tokens(connection)] == [(one.token.id, T0)]
    rows = raw(store, "SELECT actor, action, subject, reason FROM audit ORDER BY seq")
    assert rows == [
        ("local:me", "token.create", one.token.id, None),
        ("local:me", "token.revoke", one.token.id, "lost"),
    ]


# ---------------------------------------------------------------- locked out


def test_a_right_token_from_an_address_that_guesses_is_refused_for_a_while(store: Store) -> None:
    one, door = given(store), Door(store)
    for second in range(FAILURES):
        door.authenticate(words(one), HERE, T0 + second)
        assert isinstance(refused(door, "wrong", T0 + second), Invalid)
    last = T0 + FAILURES - 1
    fault = refused(door, words(one), last)
    assert isinstance(fault, LockedOut)
    assert (fault.status, fault.retry_after) == (429, FIRST)
    assert isinstance(refused(door, None, last), LockedOut)
    door.authenticate(words(one), "192.0.2.8", last)
    fault = refused(door, words(one), last + FIRST - 1)
    assert isinstance(fault, LockedOut)
    assert fault.retry_after == 1
    door.authenticate(words(one), HERE, last + FIRST)


def test_what_is_no_guess_locks_nobody_out(store: Store) -> None:
    gone, here = given(store, expires="1s"), given(store, network=("10.0.0.0/8",))
    door = Door(store)
    for _ in range(2 * FAILURES):
        refused(door, None)
        refused(door, words(gone), T0 + 5)
        refused(door, words(here))
    assert isinstance(refused(door, None), Missing)


def guess(lock_out: LockOut, now: float, times: int = FAILURES, address: str = HERE) -> None:
    for _ in range(times):
        lock_out.failed(address, now)


def test_each_lock_out_is_twice_as_long_up_to_an_hour() -> None:
    lock_out, now, waits = LockOut(), float(T0), []
    for _ in range(8):
        guess(lock_out, now)
        waits.append(lock_out.remaining(HERE, now))
        now += waits[-1]
        assert lock_out.remaining(HERE, now) == 0
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    guess(lock_out, now + 2 * LONGEST)
    assert lock_out.remaining(HERE, now + 2 * LONGEST) == FIRST


def test_failures_count_for_five_minutes() -> None:
    lock_out = LockOut()
    guess(lock_out, T0, FAILURES - 1)
    lock_out.failed(HERE, T0 + WITHIN)
    assert lock_out.remaining(HERE, T0 + WITHIN) == 0
    other = LockOut()
    guess(other, T0, FAILURES - 1)
    other.failed(HERE, T0 + WITHIN - 0.5)
    assert other.remaining(HERE, T0 + WITHIN - 0.5) == FIRST
    assert other.remaining(HERE, T0 + WITHIN - 0.5 + FIRST - 0.25) == 1, "rounded up, never 0 while it lasts"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.7", "192.0.2.8", False),
        ("testclient", "testclient", True),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    lock_out = LockOut()
    guess(lock_out, T0, address=one)
    assert (lock_out.remaining(other, T0) > 0) is same


def test_only_so_many_addresses_are_remembered_the_last_ones() -> None:
    lock_out = LockOut(addresses=3)
    for number in range(6):
        guess(lock_out, T0, address=f"192.0.2.{number}")
    assert [lock_out.remaining(f"192.0.2.{number}", T0) > 0 for number in range(6)] == [False] * 3 + [True] * 3
