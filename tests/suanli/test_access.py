"""Tokens: who may do what, the commands, and that a secret is nowhere but with whoever got it."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from suanli.access import (
    AccessError,
    Door,
)
from suanli.model.access import VERBS, Principal, Scope, may, scopes_of
from suanli.store.sql import Store
from tests.suanli.running import contents, suanli

HERE = "192.0.2.7"


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
