"""Every command that knows `--server`: what a running instance says over HTTP is what the store says beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from suanli.cli.context import Globals
from suanli.cli.server import Server
from suanli.model.errors import InputError, SuanliError, Unavailable
from suanli.store.sql import Store
from tests.instance import Instance, instance
from tests.servers.processes import wait_until
from tests.suanli.making import T0, a_sample

ENTRY = {"from": "2026-01-01", "stage": "built", "pflops": 100.0, "source": "acceptance"}
OPERATOR, BUREAU = "示例运营方", "数据局"


def site(id_: str, operator: str = OPERATOR) -> dict[str, Any]:
    pool = {"id": "p", "model": "nvidia-a100-sxm4-80gb", "capacity": [ENTRY]}
    return {"id": id_, "name": id_, "province": "安徽", "operator": operator, "pools": [pool]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(tmp_path_factory.mktemp("served")) as made:
        made.configure(alerts={"interval": "2s"})
        made.apply(site("one"), site("two"), site("other", "另一运营方"))
        with closing(Store(f"sqlite:///{made.folder / 'suanli.db'}")) as store:
            store.append([a_sample(int(time.time()) // 60 * 60 - 600, 80_000.0, 40.0, site="other")])
        made.start()
        wait_until(lambda: looked(made), within=30, what="a round of alerts")
        yield made


def looked(instance_: Instance) -> bool:
    return json.loads(instance_.run("alerts", "list", "--json").stdout)["looked_at"] is not None


@pytest.fixture(scope="module")
def remote(served: Instance) -> Callable[..., Any]:
    """A command of somebody with this scope, who has only the address and a token."""
    given: dict[str, str] = {}

    def run(scope: str, *words: str, check: bool = True) -> Any:
        if scope not in given:
            made = served.run("token", "create", "--owner", scope, "--scope", scope)
            given[scope] = made.stdout.strip()
        served.environment["SUANLI_TOKEN"] = given[scope]
        return served.run("--server", served.url, *words, check=check)

    return run


READING = [
    ("benchmarks", "--at", "2026-11-01"),
    ("targets", "--from", "2026-09", "--to", "2026-10"),
    ("change", "--from", "2026-09", "--to", "2026-10", "--by", "operator"),
    ("change", "--from", "2026-10-01", "--to", "2026-11-01"),
    ("funnel", "--at", "2026-11-01"),
    ("disagreements", "--at", "2026-11-01"),
    ("token", "list"),
    ("audit",),
    ("audit", "--limit", "2"),
    ("audit", "--action", "site", "--subject", "one"),
    ("audit", "--verify"),
    ("maintenance", "list", "--from", "2026-01-01", "--to", "2026-02-01", "--all"),
    ("quarantine", "list"),
    ("pool", "list"),
    ("site", "list"),
    ("capacity", "list"),
    ("rates", "explain", "--at", "2026-11-01", "--as-of", "2030-01-01", "--by", "operator", "--operator", OPERATOR),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_listing_is_the_same_over_there(served: Instance, remote: Callable[..., Any], words: tuple[str, ...]) -> None:
    remote("admin", "site", "list")  # the use of the token is noted before, once a minute
    for form in ((), ("--json",)):
        here, there = served.run(*words, *form), remote("admin", *words, *form)
        assert there.stdout == here.stdout
        assert here.stdout or "no site of which two signals are heard" in here.stderr


def test_a_token_is_created_listed_and_taken_back(served: Instance, remote: Callable[..., Any]) -> None:
    tried = remote("admin", "token", "create", "--owner", "x", "--scope", "read", "--dry-run", "--json")
    assert json.loads(tried.stdout)["token"] is None
    made = remote("admin", "token", "create", "--owner", "x", "--scope", "read", "--expires", "never", "--json")
    answer = json.loads(made.stdout)
    assert (answer["owner"], answer["scopes"], answer["expires_at"]) == ("x", ["read"], None)
    headers = {"authorization": f"Bearer {answer['token']}"}
    assert httpx.get(f"{served.url}/api/v1/sites", headers=headers, trust_env=False).status_code == 200
    assert answer["id"] in remote("admin", "token", "list").stdout
    remote("admin", "token", "revoke", answer["id"], "--reason", "lost")
    assert httpx.get(f"{served.url}/api/v1/sites", headers=headers, trust_env=False).status_code == 401
    assert remote("admin", "token", "revoke", answer["id"], "--reason", "lost", check=False).returncode == 1
    assert remote("admin", "token", "revoke", "0" * 12, "--reason", "lost", check=False).returncode == 2
    assert remote("admin", "token", "revoke", "../tokens", "--reason", "x", check=False).returncode == 2
    row = json.loads(served.run("audit", "--action", "token.revoke", "--limit", "1", "--json").stdout)["audit"][0]
    assert (row["reason"], row["actor"].partition(" ")[2]) == ("lost", "admin")
    assert row["request_id"]


def test_a_window_is_announced_approved_and_ended(served: Instance, remote: Callable[..., Any]) -> None:
    operator, where = f"register:{OPERATOR}", ("one/p", "--from", "2027-01-01", "--until", "2027-01-03")
    refused = remote(operator, "maintenance", "add", *where, "--reason", "检修", "--approve", check=False)
    assert (refused.returncode, "takes the scope approve" in refused.stderr) == (1, True)
    named = remote(operator, "maintenance", "add", *where, "--reason", "x", "--approve", "--by", "y", check=False)
    assert (named.returncode, "--by: a server knows who you are" in named.stderr) == (2, True)
    added = remote(operator, "maintenance", "add", *where, "--reason", "检修", "--json")
    number = str(json.loads(added.stdout)["id"])
    assert remote(operator, "maintenance", "approve", number, check=False).returncode == 1
    remote("approve", "maintenance", "approve", number)
    window = json.loads(remote(operator, "maintenance", "list", "--json").stdout)["windows"][-1]
    assert (window["site"], window["pool"], window["approved_by"].partition(" ")[2]) == ("one", "p", "approve")
    remote("approve", "maintenance", "end", number, "--at", "2027-01-02")
    here = json.loads(served.run("maintenance", "list", "--json").stdout)["windows"][-1]
    assert here["ended_at"] == "2027-01-01T16:00:00Z"
    foreign = ("maintenance", "add", "other", *where[1:], "--reason", "x")
    assert remote(operator, *foreign, check=False).returncode == 1


def test_a_pool_is_moved_once_somebody_has_decided(served: Instance, remote: Callable[..., Any]) -> None:
    operator, words = f"register:{OPERATOR}", ("pool", "move", "two/p", "--to", "one", "--as", "q")
    tried = json.loads(remote(operator, *words, "--from", "2026-11-01", "--dry-run", "--json").stdout)
    assert (tried["state"], tried["applied"]) == ("tried", False)
    asked = json.loads(remote(operator, *words, "--from", "2026-11-01", "--json").stdout)
    assert (asked["state"], asked["changes"]) == ("pending", ["~ pool two/p -> one/q (from 2026-11-01)"])
    assert "two" in served.run("pool", "list").stdout
    remote("approve", "capacity", "approve", str(asked["submission"]))
    places = [(row["site"], row["pool"]) for row in json.loads(served.run("pool", "list", "--json").stdout)["pools"]]
    assert ("one", "q") in places
    assert ("two", "p") not in places
    wrong = remote("approve", "pool", "move", "one/q", "--to", "nowhere", "--from", "2026-11-02", check=False)
    assert (wrong.returncode, "--to: no site 'nowhere'" in wrong.stderr) == (2, True)


def test_what_is_held_is_shown_and_refused_alike(served: Instance, remote: Callable[..., Any]) -> None:
    for words in (
        ("show", "7"),
        ("show", "x/../y"),
        ("release", "7"),
        ("release", "x"),
        ("list", "--check", "nothing"),
    ):
        here, there = (
            run("quarantine", *words, check=False)
            for run in (served.run, lambda *words, check: remote("approve", *words, check=check))
        )
        assert here.returncode == there.returncode == 2, there.stderr
    assert remote("read", "quarantine", "show", "1").stdout == served.run("quarantine", "show", "1").stdout
    tried = json.loads(remote("approve", "quarantine", "release", "1", "--dry-run", "--json").stdout)
    assert (tried["released"], tried["sample"]["online_pflops"]) == (False, 80_000.0)
    assert remote("read", "quarantine", "release", "1", check=False).returncode == 1
    remote("approve", "quarantine", "release", "1")
    (row,) = json.loads(served.run("quarantine", "list", "--all", "--json").stdout)["quarantine"]
    assert row["released_by"].partition(" ")[2] == "approve"


@pytest.mark.parametrize(
    "words",
    [(), ("--all", "--operator", OPERATOR), ("--kind", "dead_man", "--state", "firing", "--severity", "info")],
    ids=" ".join,
)
def test_alerts_are_listed_alike(served: Instance, remote: Callable[..., Any], words: tuple[str, ...]) -> None:
    here, there = (json.loads(run("alerts", "list", *words, "--json").stdout) for run in (served.run, by(remote)))
    assert here["alerts"] == there["alerts"] != []
    assert here["looked_at"] <= there["looked_at"]
    assert by(remote)("alerts", "list", *words).stdout == served.run("alerts", "list", *words).stdout


def by(remote: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *words: remote("read", *words)


def test_an_alert_is_acknowledged_by_whose_token_it_is(served: Instance, remote: Callable[..., Any]) -> None:
    words = ("alerts", "ack", "dead_man", "--reason", "drill")
    named = remote("approve", *words, "--by", "y", check=False)
    assert (named.returncode, "--by: a server knows who you are" in named.stderr) == (2, True)
    assert remote("approve", *words, "--dry-run").stdout == "approve would be said to know of it\n"
    assert remote("read", *words, check=False).returncode == 1
    assert remote(f"register:{OPERATOR}", *words, check=False).returncode == 2
    assert remote("approve", *words).stdout == "approve knows of it\n"
    (row,) = json.loads(served.run("alerts", "list", "--kind", "dead_man", "--json").stdout)["alerts"]
    assert (row["acknowledged_by"], row["acknowledged_why"]) == ("approve", "drill")
    assert remote("read", "alerts", "list", "--check", "--kind", "dead_man").returncode == 0


def test_who_may_not_is_told_so(remote: Callable[..., Any]) -> None:
    for words in (("token", "list"), ("audit",), ("audit", "--verify")):
        refused = remote("read", *words, check=False)
        assert (refused.returncode, "that takes the scope" in refused.stderr) == (1, True)
        assert refused.stdout == ""


def test_what_stays_beside_the_store_says_why(remote: Callable[..., Any]) -> None:
    refused = remote("admin", "site", "history", "one", check=False)
    assert (refused.returncode, "acts on the store itself" in refused.stderr) == (2, True)
    with pytest.raises(InputError, match="because nobody else may"):
        Globals(server="https://example").refuse_server("because nobody else may")


# Pages and patience, without a network


def answering(*answers: httpx.Response) -> tuple[Server, list[httpx.Request], list[float]]:
    """A server that gives these answers, one after the other; what it was asked, and how long was waited."""
    asked: list[httpx.Request] = []
    waited: list[float] = []
    left = iter(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return next(left)

    return Server("https://there", "t", httpx.MockTransport(handle), waited.append), asked, waited


def a_page(rows: list[int], cursor: str | None) -> httpx.Response:
    return httpx.Response(200, json={"sites": [{"id": row} for row in rows], "next": cursor, "at": T0})


def too_often(seconds: int) -> httpx.Response:
    return httpx.Response(429, json={"detail": "too often"}, headers={"Retry-After": str(seconds)})


def test_all_pages_are_read_and_no_more_than_are_wanted() -> None:
    server, asked, _ = answering(a_page([1, 2], "a"), a_page([3, 4], "b"), a_page([5], None))
    found = server.whole("sites", "sites", {"state": None, "all": False, "at": 0})
    assert [row["id"] for row in found["sites"]] == [1, 2, 3, 4, 5]
    assert (found["at"], "next" in found) == (T0, False)
    assert [dict(one.url.params) for one in asked] == [
        {"at": "0", "limit": "1000"},
        {"at": "0", "limit": "1000", "cursor": "a"},
        {"at": "0", "limit": "1000", "cursor": "b"},
    ]
    server, asked, _ = answering(a_page([1, 2], "a"), a_page([3, 4], "b"))
    assert [row["id"] for row in server.listed("sites", "sites", {}, most=3)] == [1, 2, 3]
    assert len(asked) == 2


def test_who_asks_too_often_waits_as_told_and_who_is_locked_out_does_not() -> None:
    server, asked, waited = answering(a_page([1], "a"), too_often(7), too_often(60), a_page([2], None))
    assert len(server.listed("sites", "sites", {})) == 2
    assert (waited, len(asked)) == ([7.0, 60.0], 4)
    server, _, waited = answering(too_often(7))
    with pytest.raises(SuanliError, match="too often"):
        server.asked("GET", "sites")
    server, _, waited = answering(a_page([], None), too_often(61))
    server.asked("GET", "sites")
    with pytest.raises(SuanliError, match="too often"):
        server.asked("GET", "sites")
    assert waited == []


def test_what_is_no_suanli_is_told() -> None:
    server, _, _ = answering(httpx.Response(200, text="<html>"))
    with pytest.raises(Unavailable, match="is no Suanli"):
        server.asked("GET", "sites")


def test_a_token_whose_text_was_lost_is_to_be_taken_back(tmp_path: Path) -> None:
    from suanli.access import WantedToken
    from suanli.cli.remote_keeping import RemoteTokens

    server, asked, _ = answering(httpx.Response(200, json={"id": "0" * 12, "owner": "x", "token": None}))
    wanted = WantedToken.model_validate({"owner": "x", "scope": ["read"]})
    with pytest.raises(SuanliError, match="suanli token revoke 000000000000"):
        RemoteTokens(server).create(wanted)
    assert json.loads(asked[0].content) == {"owner": "x", "scope": ["read"], "expires": "1y", "network": []}
    assert asked[0].headers["idempotency-key"]
