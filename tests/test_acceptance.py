"""Acceptance by itself as a whole story in processes of their own: submitted over HTTP, proved, in the trail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.instance import Instance, instance
from tests.servers.processes import wait_until
from tests.servers.slurm import Slurm
from tests.suanli.answering import Api, answering
from tests.suanli.running import Ended, started

OPERATOR = "示例运营方"
A100 = 0.312
ACCEPTANCE = {"acceptance": {"polls": 3, "tolerance": 0.05}}


class Operator:
    """Somebody at another machine, with a token for their own sites."""

    def __init__(self, served: Instance) -> None:
        scope = f"register:{OPERATOR}"
        self._environment = {
            "SUANLI_SERVER": served.url,
            "SUANLI_TOKEN": served.run("token", "create", "--owner", "王工", "--scope", scope).stdout.strip(),
        }
        self._folder = served.folder / "desk"
        self._folder.mkdir()

    def run(self, *words: str) -> Ended:
        return started(self._folder, "--lang", "en", *words, **self._environment)

    def submission(self, number: int) -> dict[str, Any]:
        rows = self.run("capacity", "submissions", "--all", "--json").data["submissions"]
        return next(row for row in rows if row["id"] == number)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Instance]:
    with instance(tmp_path) as made:
        made.configure(registration=ACCEPTANCE, poll={"interval": "1s", "timeout": "1s"}, language="en")
        yield made


@pytest.fixture
def api() -> Iterator[Api]:
    with answering({"p": (90, 9)}) as made:
        yield made


def register(operator: Operator, id_: str, devices: int, *source: str) -> Ended:
    told = ["--name", id_, "--province", "安徽", "--operator", OPERATOR, "--pool", "p", "--model", "A100 SXM4 80G"]
    built = ["--devices", str(devices), "--from", "2024-09-01", "--source", "验收报告"]
    return operator.run("site", "register", id_, *told, *built, *source)


def test_what_waits_proves_itself_while_it_is_served(served: Instance, api: Api) -> None:
    served.start()
    operator = Operator(served)
    settings = [f"{name}={value}" for name, value in api.source()["settings"].items()]
    source = ["--kind", "http_json", "--url", api.url, "--match", "pool=p"]
    source += [word for setting in settings for word in ("--setting", setting)]
    done = register(operator, "desk-1", 100, *source)
    assert (done.code, "submitted as 1" in done.err) == (0, True), done.err

    wait_until(lambda: operator.submission(1)["acceptance"] is not None, within=20, what="a poll")
    here = "desk-1/p: 100 devices = 31.2 PFLOPS are declared, 90 devices = 28.08 PFLOPS found"
    wait_until(lambda: operator.submission(1)["acceptance"]["why"] == here, within=20, what="the reason")
    for told in (operator.run("capacity", "submissions").out, served.run("capacity", "submissions").stdout):
        assert "0 of 3 good polls" in " ".join(told.split()), told
    assert served.rates()["groups"] == []

    api.pools = {"p": (100, 10)}
    wait_until(lambda: operator.submission(1)["state"] == "approved", within=30, what="approval")
    row = operator.submission(1)
    assert row["decided_by"] == "acceptance"
    assert row["acceptance"] == {"good": 3, "needed": 3, "polled_at": row["acceptance"]["polled_at"], "why": here}
    wait_until(lambda: served.metric("suanli_site_up", site="desk-1") == 1.0, within=20, what="the first poll")
    built = served.metric("suanli_site_built_pflops", site="desk-1", pool="p")
    assert built == pytest.approx(100 * A100)
    trail = json.loads(served.run("audit", "--actor", "acceptance", "--json").stdout)["audit"]
    assert [one["action"] for one in trail][-1] == "submission.approve"
    assert {one["reason"] for one in trail} == {row["why"]}
    assert "3 good polls in a row" in row["why"]
    assert served.run("audit", "--verify").stdout
    assert served.stop() == 0


def test_without_a_word_in_the_configuration_nothing_is_asked_and_nothing_decided(served: Instance, api: Api) -> None:
    served.configure(poll={"interval": "1s", "timeout": "1s"}, language="en")
    served.start()
    operator = Operator(served)
    settings = [f"{name}={value}" for name, value in api.source()["settings"].items()]
    words = [word for setting in settings for word in ("--setting", setting)]
    source = ["--kind", "http_json", "--url", api.url, "--match", "pool=p", *words]
    assert register(operator, "desk-1", 90, *source).code == 0
    first = served.run("site", "list", "--json").stdout
    assert json.loads(first)["sites"] == []
    with pytest.raises(AssertionError):
        wait_until(lambda: bool(api.asked), within=4, what="a poll")
    assert (operator.submission(1)["state"], operator.submission(1)["acceptance"]) == ("pending", None)


@pytest.mark.server
def test_a_real_slurm_proves_what_it_has(tmp_path: Path, start_slurm: Callable[..., Slurm]) -> None:
    cluster = start_slurm(nodes=4)
    with instance(tmp_path, SUANLI_SITE_DESK_1=cluster.token) as made:
        made.configure(registration=ACCEPTANCE, poll={"interval": "2s", "timeout": "2s"}, language="en")
        made.start()
        operator = Operator(made)
        auth = ["--auth", "slurm", "--user", "root", "--secret", "env:SUANLI_SITE_DESK_1"]
        done = register(operator, "desk-1", 32, "--kind", "slurm", "--url", cluster.url, "--match", "gres=a100", *auth)
        assert done.code == 0, done.err
        wait_until(lambda: operator.submission(1)["state"] == "approved", within=60, what="approval")
        assert "desk-1/p declares 32 devices" in operator.submission(1)["why"]

        # 16 more are said to be there, and are not: nobody is deceived.
        entry = ["--from", _today(made), "--stage", "built", "--devices", "48", "--source", "验收报告"]
        assert operator.run("capacity", "add", "desk-1/p", *entry).code == 0
        why = "desk-1/p: 48 devices = 14.976 PFLOPS are declared, 32 devices = 9.984 PFLOPS found"
        wait_until(lambda: (operator.submission(2)["acceptance"] or {}).get("why") == why, within=30, what="the reason")
        assert operator.submission(2)["state"] == "pending"


def _today(served: Instance) -> str:
    at: str = served.rates()["at"]
    return at[:10]
