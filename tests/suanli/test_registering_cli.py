"""`suanli site register`, `update`, `retire`, `pool add`: beside the store, as by a file of sites."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from suanli.catalog.accelerators import load_accelerators
from tests.reaching import LOOPBACK
from tests.suanli.running import Ended, suanli
from tests.suanli.test_cli import answering

SITE = ("--name", "芜湖一号", "--province", "安徽", "--operator", "示例运营方")
POOL = ("--pool", "a100", "--model", "a100 sxm4 80g")
BUILT = ("--devices", "1000", "--from", "2024-09-01", "--source", "验收报告")


def register(folder: Path, *words: str, id_: str = "wh-1", language: str = "en") -> Ended:
    return suanli(folder, "--lang", language, "site", "register", id_, *words)


def shown(folder: Path, id_: str = "wh-1") -> dict[str, Any]:
    found: dict[str, Any] = suanli(folder, "site", "show", id_, "--json").data
    return found


def test_a_site_with_a_pool_and_what_is_built(tmp_path: Path) -> None:
    done = register(tmp_path, *SITE, *POOL, *BUILT)
    assert (done.code, done.out.splitlines()[:3]) == (
        0,
        [
            "+ site wh-1 (芜湖一号)",
            "+ pool wh-1/a100 (nvidia-a100-sxm4-80gb)",
            "+ capacity wh-1/a100: built 1000 devices from 2024-09-01 (验收报告)",
        ],
    )
    assert re.search(r"now +unknown +unknown -> 312\.0 P", done.out)
    assert "3 changes made" in done.err
    assert shown(tmp_path)["pools"][0]["capacity"][0]["devices"] == 1000
    again = register(tmp_path, *SITE)
    assert (again.code, "registered already" in again.err) == (2, True)
    assert "已作 1 处变更" in register(tmp_path, *SITE, id_="wh-2", language="zh").err


def test_a_source_with_its_settings_and_secret_by_name(tmp_path: Path) -> None:
    source = ["--kind", "http_json", "--url", "https://api.example/v1", "--interval", "30s"]
    source += ["--setting", "path=/compute", "--setting", "fields={online: up, used: busy}"]
    auth = ("--auth", "bearer", "--secret", "file:/etc/suanli/wh.token")
    assert register(tmp_path, *SITE, *source, *auth).code == 0
    found = shown(tmp_path)["source"]
    assert (found["interval"], found["settings"]) == (
        "30s",
        {"path": "/compute", "fields": {"online": "up", "used": "busy"}},
    )
    assert found["auth"]["token"]["file"] == "/etc/suanli/wh.token"


@pytest.mark.parametrize("kind", ["oauth2", "keystone", "form"])
def test_a_source_that_is_signed_in_to_elsewhere(tmp_path: Path, kind: str) -> None:
    source = ["--kind", "http_json", "--url", "https://api.example/v1", "--setting", "path=/compute"]
    source += ["--setting", "fields={online: up}", "--auth", kind, "--user", "suanli", "--secret", "env:WH_SECRET"]
    missing = register(tmp_path, *SITE, *source)
    assert (missing.code, f"auth kind {kind} takes url, user, password" in missing.err) == (2, True), missing.err
    url = "https://id.example/v3"
    assert register(tmp_path, *SITE, *source, "--auth-url", url).code == 0
    auth = {name: value for name, value in shown(tmp_path)["source"]["auth"].items() if value is not None}
    assert auth == {"kind": kind, "user": "suanli", "password": {"env": "WH_SECRET", "file": None}, "url": url}


def test_a_site_of_many_addresses_each_of_which_signs_us_in(tmp_path: Path) -> None:
    source = ["--kind", "redfish", "--url", "https://bmc-01.example", "--auth", "redfish", "--user", "suanli"]
    source += ["--secret", "env:WH_SECRET"]
    refused = register(tmp_path, *SITE, *source, "--setting", "hosts=['10.1.0.[1-64]']")
    assert (refused.code, "source.settings.hosts[0]: 10.1.0.1 is a private address" in refused.err) == (2, True)
    assert register(tmp_path, *SITE, *source, "--setting", "hosts=['bmc-[02-64].example']").code == 0
    found = shown(tmp_path)["source"]
    assert (found["auth"]["kind"], found["settings"]) == ("redfish", {"hosts": ["bmc-[02-64].example"]})


@pytest.mark.parametrize(("kind", "named"), [("header", "header"), ("query", "parameter")])
def test_a_source_whose_key_has_a_name(tmp_path: Path, kind: str, named: str) -> None:
    source = ["--kind", "http_json", "--url", "https://api.example/v1", "--setting", "path=/compute"]
    source += ["--setting", "fields={online: up}", "--auth", kind, "--auth-name", "api-key", "--secret", "env:WH_KEY"]
    assert register(tmp_path, *SITE, *source).code == 0
    auth = {name: value for name, value in shown(tmp_path)["source"]["auth"].items() if value is not None}
    assert auth == {"kind": kind, named: "api-key", "token": {"env": "WH_KEY", "file": None}}


def test_a_cluster_that_a_kubeconfig_names(tmp_path: Path) -> None:
    source = ["--kind", "kubernetes", "--auth", "kubeconfig", "--auth-name", "prod", "--secret", "file:/etc/k"]
    assert register(tmp_path, *SITE, *source).code == 0
    found = {name: value for name, value in shown(tmp_path)["source"]["auth"].items() if value is not None}
    assert found == {"kind": "kubeconfig", "context": "prod", "kubeconfig": {"env": None, "file": "/etc/k"}}


@pytest.mark.parametrize("kind", ["huawei_ak_sk", "alibaba_ak_sk"])
def test_a_source_whose_requests_are_signed(tmp_path: Path, kind: str) -> None:
    source = ["--kind", "http_json", "--url", "https://api.example", "--setting", "fields={online: up}"]
    key = ["--auth", kind, "--user", "AK1", "--secret", "env:WH_SECRET"]
    assert register(tmp_path, *SITE, *source, *key).code == 0
    auth = {name: value for name, value in shown(tmp_path)["source"]["auth"].items() if value is not None}
    assert auth == {"kind": kind, "user": "AK1", "password": {"env": "WH_SECRET", "file": None}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--name: is needed where nobody can be asked"),
        ((*SITE, "--kind", "slurm"), "--url: is needed"),
        ((*SITE, "--pool", "p"), "--model: is needed"),
        ((*SITE, "--pool", "p", "--model", "a100 80"), "may be nvidia-a100-pcie-80gb, nvidia-a100-sxm4-80gb"),
        ((*SITE, "--pool", "p", "--model", "no such thing"), "'no such thing' is not in the catalogue"),
        ((*SITE, *POOL, "--devices", "5"), "an amount needs --from"),
        ((*SITE, *POOL, "--match", "gres"), "--match: expected LABEL=VALUE"),
        ((*SITE, "--kind", "slurm", "--url", "https://a.example", "--setting", "x"), "--setting: expected KEY=VALUE"),
        ((*SITE, "--kind", "slurm", "--url", "https://a.example", "--setting", "x={"), "is no YAML"),
        ((*SITE, "--kind", "none", "--url", "https://a.example"), "unknown kind of source"),
        ((*SITE, "--kind", "slurm", "--url", "http://10.0.0.1"), "allow 10.0.0.0/8 under reach"),
        ((*SITE, "--kind", "slurm", "--url", "https://u:p@a.example"), "--source"),
        ((*SITE, "--status", "lost"), "--status: should be"),
        (("--name", "a\u202eb", *SITE[2:]), "--name: String should match"),
    ],
)
def test_what_cannot_be_registered(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = register(tmp_path, *words)
    assert (done.code, told in done.err) == (2, True), done.err
    assert suanli(tmp_path, "site", "list", "--json").data == {"sites": []}


def test_a_secret_that_is_written_is_refused_and_not_repeated(tmp_path: Path) -> None:
    source = ("--kind", "http_json", "--url", "https://api.example/v1", "--auth", "bearer", "--secret", "hunter2")
    done = register(tmp_path, *SITE, *source)
    assert (done.code, "hunter2" in done.err) == (2, False)


def test_the_site_changes_from_a_day_on(tmp_path: Path) -> None:
    register(tmp_path, *SITE, *POOL, *BUILT)
    done = suanli(tmp_path, "site", "update", "wh-1", "--name", "新名", "--effective", "2026-10-01", "--json")
    assert done.data["changes"] == ["~ site wh-1: name: 芜湖一号 -> 新名 (from 2026-10-01)"]
    assert suanli(tmp_path, "site", "update", "wh-1").code == 2
    assert "no source yet" in suanli(tmp_path, "site", "update", "wh-1", "--url", "https://x.example").err
    assert suanli(tmp_path, "site", "update", "none", "--name", "x").code == 2
    done = suanli(tmp_path, "site", "retire", "wh-1", "--from", "2026-11-01", "--json")
    assert done.data["changes"] == ["~ site wh-1: status: operational -> retired (from 2026-11-01)"]
    again = suanli(tmp_path, "site", "retire", "wh-1", "--from", "2026-10-15")
    assert (again.code, "retired already" in again.err) == (1, True)
    before = suanli(tmp_path, "rates", "--at", "2026-10-31", "--json").data["fleet"]
    after = suanli(tmp_path, "rates", "--at", "2026-11-01", "--json").data["fleet"]
    assert (before["built_pflops"], after["built_pflops"]) == (312.0, None)


def test_one_pool_more(tmp_path: Path) -> None:
    register(tmp_path, *SITE, *POOL, *BUILT)
    pool = ("--model", "H800", "--devices", "8", "--from", "2025-01-01", "--source", "x", "--match", "gres=h800")
    done = suanli(tmp_path, "pool", "add", "wh-1/h800", *pool, "--json")
    assert (done.code, [one[:6] for one in done.data["changes"]]) == (0, ["+ pool", "+ capa"])
    assert [one["id"] for one in shown(tmp_path)["pools"]] == ["a100", "h800"]
    assert "registered already" in suanli(tmp_path, "pool", "add", "wh-1/h800", *pool).err
    assert suanli(tmp_path, "pool", "add", "none/p", *pool).code == 2


def test_a_dry_run_registers_nothing(tmp_path: Path) -> None:
    done = register(tmp_path, *SITE, *POOL, *BUILT, "--dry-run")
    assert (done.code, "would be made" in done.err) == (0, True)
    assert suanli(tmp_path, "site", "list", "--json").data == {"sites": []}


# ---------------------------------------------------------------- asked first


@contextmanager
def api(answer: dict[str, Any]) -> Iterator[str]:
    """A management API that says this; its URL."""
    with answering(lambda: (200, json.dumps(answer).encode())) as port:
        yield f"http://127.0.0.1:{port}"


SOURCE = ("--kind", "http_json", "--setting", "fields={online: up, used: busy}", "--setting", "unit=devices")


@pytest.mark.parametrize(
    ("devices", "up", "wrong"),
    [
        ("1000", 1000, None),
        ("1000", 985, None),
        ("1000", 970, "30 of 1,000 declared devices are not online"),
        ("1000", 1100, "more is online than is declared as built"),
        ("2000", 1000, "probably the sparse peak"),
        ("8000", 1000, "probably the peak of another precision"),
        ("1000000", 1000, "probably another unit"),
        ("1000", 0, "nothing is online there"),
    ],
)
def test_what_is_found_beside_what_is_declared(tmp_path: Path, devices: str, up: int, wrong: str | None) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"reach": LOOPBACK}), encoding="utf-8")
    built = ("--devices", devices, *BUILT[2:])
    with api({"up": up, "busy": up // 2}) as url:
        done = register(tmp_path, *SITE, *POOL, *built, *SOURCE, "--url", url, "--probe", "--dry-run")
    assert done.code == 0, done.err
    assert f"declared as built: {int(devices):,} devices," in done.out
    assert f"found online: {up:,} devices, {up * 0.312:,.1f} P" in done.out
    told = [line for line in done.out.splitlines() if "looks wrong" in line]
    assert (len(told), wrong is None or wrong in told[0]) == (0 if wrong is None else 1, True), told
    assert re.search(r"now .* unknown -> [0-9.]+ %", done.out)


def test_an_api_that_does_not_answer_registers_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"reach": LOOPBACK}), encoding="utf-8")
    done = register(tmp_path, *SITE, *POOL, *SOURCE, "--url", "http://127.0.0.1:9009", "--probe")
    assert (done.code, "nothing was registered" in done.err) == (3, True)
    with api({"other": 1}) as url:
        done = register(tmp_path, *SITE, *POOL, *SOURCE, "--url", url, "--probe")
    assert (done.code, "nothing was registered" in done.err) == (1, True), done.err
    assert suanli(tmp_path, "site", "list", "--json").data == {"sites": []}


# ---------------------------------------------------------------- names of models


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("nvidia-a100-sxm4-80gb", ["nvidia-a100-sxm4-80gb"]),
        ("A100 80G", ["nvidia-a100-sxm4-80gb"]),
        ("a100 80", ["nvidia-a100-pcie-80gb", "nvidia-a100-sxm4-80gb"]),
        ("MI300", ["amd-mi300a", "amd-mi300x"]),
        ("rtx 4090", ["nvidia-rtx-4090"]),
        ("zzz nothing", []),
    ],
)
def test_words_of_a_name_find_its_rows(text: str, ids: list[str]) -> None:
    assert sorted(row.id for row in load_accelerators().meant(text)) == ids


def test_every_row_is_found_by_its_own_names() -> None:
    catalogue = load_accelerators()
    for row in catalogue.rows:
        assert [one.id for one in catalogue.meant(row.id)] == [row.id]


# ---------------------------------------------------------------- a server that is named


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("db", "upkeep"), "a store is looked after where it lies"),
        (("db", "upgrade"), "a store is looked after where it lies"),
        (("collect", "one"), "a site is asked from this machine"),
        (("site", "history", "one"), "what is no longer said is told only beside the store"),
    ],
)
def test_what_a_server_cannot_be_asked_does_not_touch_the_store_here(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    done = suanli(tmp_path, "--server", "http://127.0.0.1:9", *words)
    assert (done.code, "acts on the store itself" in done.err, why in done.err) == (2, True, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [("maintenance", "list"), ("quarantine", "list"), ("token", "list"), ("audit",), ("targets",), ("pool", "list")],
)
def test_a_server_that_does_not_answer_is_not_replaced_by_the_store_here(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = suanli(tmp_path, "--server", "http://127.0.0.1:9", *words)
    assert (done.code, "cannot be asked" in done.err) == (3, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("server", "token", "code", "told"),
    [
        ("http://suanli.example", "suanli_x", 2, "unencrypted"),
        ("ftp://suanli.example", "", 2, "expected http(s)://"),
        ("http://127.0.0.1:9", "", 3, "is `suanli serve` running there?"),
    ],
)
def test_a_server_that_is_not_asked(tmp_path: Path, server: str, token: str, code: int, told: str) -> None:
    done = suanli(tmp_path, "--server", server, "site", "list", SUANLI_TOKEN=token)
    assert (done.code, told in done.err) == (code, True), done.err
    assert "suanli_x" not in done.err
