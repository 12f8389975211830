"""`--reason` stands beside every row of the audit trail that a command writes, beside the store and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.instance import Instance, instance
from tests.suanli.running import Ended, suanli

OPERATOR = "示例运营方"
SITE = ("--name", "芜湖一号", "--province", "安徽", "--operator", OPERATOR)
POOL = ("--pool", "a100", "--model", "a100 sxm4 80g")
BUILT = ("--devices", "1000", "--from", "2024-09-01", "--source", "验收报告")
Run = Callable[..., Ended]
COMMANDS: dict[str, tuple[str, ...]] = {
    "register": ("site", "register", "wh-1", *SITE, *POOL, *BUILT),
    "update": ("site", "update", "wh-1", "--name", "新名"),
    "add pool": ("pool", "add", "wh-1/b", "--model", "a100 sxm4 80g"),
    "apply": ("apply", "sites.yaml"),
    "retire": ("site", "retire", "wh-1", "--from", "2026-11-01"),
}
"""In an order in which each has something to change."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Instance]:
    with instance(tmp_path) as made:
        made.configure()
        yield made


def write_sites(folder: Path) -> None:
    pool = {"id": "p", "model": "nvidia-a100-sxm4-80gb"}
    site = {"id": "wh-2", "name": "二号", "province": "安徽", "operator": OPERATOR, "pools": [pool]}
    (folder / "sites.yaml").write_text(yaml.safe_dump({"sites": [site]}), encoding="utf-8")


def reasons(folder: Path, **store: str) -> list[tuple[str, str | None]]:
    rows = suanli(folder, "audit", "--json", **store).data["audit"]
    return [(row["action"], row["reason"]) for row in rows]


def _each_row_has_its_reason(run: Run, folder: Path) -> None:
    write_sites(folder)
    count = len(reasons(folder))
    for name, words in COMMANDS.items():
        done = run(*words, "--reason", f"由来 {name}")
        assert done.code == 0, done.err
        new = reasons(folder)[count:]
        assert len(new) >= 1
        assert {reason for _, reason in new} == {f"由来 {name}"}, new
        count += len(new)


def test_beside_the_store(tmp_path: Path) -> None:
    _each_row_has_its_reason(lambda *words: suanli(tmp_path, *words), tmp_path)
    shown = suanli(tmp_path, "--lang", "en", "audit", "--action", "site.register").out
    assert "    reason: 由来 register\n" in shown


def test_over_http(served: Instance) -> None:
    served.start()
    token = served.run("token", "create", "--owner", "bureau", "--scope", "approve").stdout.strip()
    remote = {"SUANLI_SERVER": served.url, "SUANLI_TOKEN": token}
    _each_row_has_its_reason(lambda *words: suanli(served.folder, *words, **remote), served.folder)

    headers = {"authorization": f"Bearer {token}"}
    site = {"id": "put", "name": "put", "province": "安徽", "operator": OPERATOR, "pools": []}
    url = f"{served.url}/api/v1/sites/put"
    answer = httpx.put(url, json=site, params={"reason": "by hand"}, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert reasons(served.folder)[-1] == ("site.register", "by hand")
    turned = httpx.put(url, json=site, params={"reason": "a\u202eb"}, headers=headers, trust_env=False)
    assert (turned.status_code, turned.json()["errors"][0]["field"]) == (422, "reason")


def test_what_waits_keeps_the_reason_and_the_decision_has_its_own(served: Instance) -> None:
    served.start()
    scopes = {"op": f"register:{OPERATOR}", "bureau": "approve"}
    tokens = {
        owner: served.run("token", "create", "--owner", owner, "--scope", scope).stdout.strip()
        for owner, scope in scopes.items()
    }

    def run(owner: str, *words: str) -> Ended:
        return suanli(served.folder, *words, SUANLI_SERVER=served.url, SUANLI_TOKEN=tokens[owner])

    count = len(reasons(served.folder))
    assert run("op", *COMMANDS["register"], "--reason", "新建").code == 0
    assert reasons(served.folder)[count:] == [("submission.submit", "新建")]
    asked = {"authorization": f"Bearer {tokens['bureau']}"}
    seen = httpx.get(f"{served.url}/api/v1/submissions/1", headers=asked, trust_env=False).json()
    assert seen["request"]["reason"] == "新建"
    assert run("bureau", "capacity", "approve", "1", "--reason", "已现场核实").code == 0
    decided = reasons(served.folder)[count + 1 :]
    assert [action for action, _ in decided][-1] == "submission.approve"
    assert {reason for _, reason in decided} == {"已现场核实"}


def test_a_move_of_a_pool(tmp_path: Path) -> None:
    for site in ("one", "two"):
        assert suanli(tmp_path, "site", "register", site, *SITE, *(POOL if site == "one" else ())).code == 0
    move = ("pool", "move", "one/a100", "--to", "two", "--from", "2026-11-01")
    assert suanli(tmp_path, *move, "--reason", "搬迁").code == 0
    action, reason = reasons(tmp_path)[-1]
    assert (action.startswith("pool."), reason) == (True, "搬迁")


@pytest.mark.parametrize("reason", ["two\nlines", "x" * 501, "a\u202eb", " "])
@pytest.mark.parametrize(
    "words",
    [COMMANDS["register"], ("apply", "sites.yaml"), ("pool", "move", "a/b", "--to", "c", "--from", "2026-11-01")],
)
def test_a_reason_that_is_no_line_is_refused_before_anything_is_changed(
    tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    write_sites(tmp_path)
    done = suanli(tmp_path, *words, "--reason", reason)
    assert (done.code, "reason" in done.err) == (2, True), done.err
    assert reasons(tmp_path) == []
