"""Every command, given as a person gives it: data on stdout, words on stderr, exit codes 0, 1, 2 and 3."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main
import yaml

from suanli import __version__
from suanli.answers import GROUPINGS
from suanli.cli.main import app
from suanli.model.rates import Rates
from suanli.store.engine import HEAD
from tests.instance import instance
from tests.suanli.making import SITES_YAML, ZONE, a_sample, open_store
from tests.suanli.running import REPO, contents, started, suanli

COMMANDS = {
    "grafana push", "grafana check", "grafana diff", "alerts list", "alerts ack", "alerts test", "alerts notifications",
    "demo", "serve", "collect", "push", "apply", "export", "rates", "version",
    "import", "backfill", "history", "benchmarks", "targets", "change", "funnel", "rates explain", "disagreements",
    "site list", "site show", "site history", "site register", "site update", "site retire",
    "pool list", "pool move", "pool add",
    "capacity list", "capacity add", "capacity correct",
    "capacity approve", "capacity reject", "capacity withdraw", "capacity submissions",
    "maintenance add", "maintenance approve", "maintenance end", "maintenance list",
    "quarantine list", "quarantine show", "quarantine release",
    "rules build", "rules check", "sink verify",
    "config check", "db upgrade", "db upkeep", "db check", "db backup", "db restore",
    "token create", "token list", "token revoke", "audit",
}  # fmt: skip
TARGETS = "targets:\n  - {metric: online_ratio, target: %s}\n  - {metric: usage_ratio, target: 0.3}\n"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the two sites are registered and were heard just now; only to be looked at."""
    folder = tmp_path_factory.mktemp("applied")
    (folder / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(folder, "apply", "sites.yaml").code == 0
    now = int(time.time())
    with closing(open_store(f"sqlite:///{folder}/suanli.db")) as store:
        heard = a_sample(now, 280.0, 140.0, site="wh-1", pool="a100")
        store.append([heard, a_sample(now, 90.0, 45.0, site="wh-2", pool="h800")])
    return folder


# ---------------------------------------------------------------- what there is


def test_help_names_every_command_of_the_interface(tmp_path: Path) -> None:
    root = typer.main.get_command(app)
    found = set()
    for name, command in root.commands.items():  # type: ignore[attr-defined] # a group
        found |= {f"{name} {sub}" for sub in getattr(command, "commands", {})}
        found |= {name} if getattr(command, "invoke_without_command", True) else set()
    assert found == COMMANDS
    ended = started(tmp_path, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert all(re.search(rf"^│ {name} ", ended.out, re.MULTILINE) for name in {one.split()[0] for one in COMMANDS})
    assert contents(tmp_path) == {}


def test_version(tmp_path: Path) -> None:
    ended = started(tmp_path, "version")
    assert (ended.code, ended.out, ended.err) == (0, f"suanli {__version__}\n", "")


@pytest.mark.parametrize("words", [["nothing"], ["rates", "--no"], ["site", "show"], ["--lang", "fr", "version"]])
def test_wrong_usage_is_2(tmp_path: Path, words: list[str]) -> None:
    ended = suanli(tmp_path, *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err


# ---------------------------------------------------------------- the registry


def test_apply_shows_the_difference_and_twice_is_once(empty: Path) -> None:
    first = suanli(empty, "apply", "sites.yaml")
    assert first.code == 0
    assert first.out.splitlines() == [
        "+ site wh-1 (芜湖一号)",
        "+ pool wh-1/a100 (nvidia-a100-sxm4-80gb)",
        "+ capacity wh-1/a100: planned 2048 devices from 2024-03-01 (立项批复)",
        "+ capacity wh-1/a100: built 1000 devices from 2024-09-01 (验收报告)",
        "+ site wh-2 (芜湖二号)",
        "+ pool wh-2/h800 (nvidia-h800-sxm5-80gb)",
        "+ capacity wh-2/h800: built 100 PFLOPS from 2024-09-01 (验收报告)",
    ]
    assert first.err == "7 changes made\n"
    again = suanli(empty, "apply", "sites.yaml", "--json")
    assert (again.code, again.data) == (
        0,
        {"state": "unchanged", "submission": None, "changes": [], "figures": [], "applied": False},
    )


def test_a_dry_run_changes_nothing(empty: Path) -> None:
    started(empty, "apply", "sites.yaml")
    more = SITES_YAML.replace("芜湖一号", "新名").replace("id: wh-2", "id: wh-3")
    (empty / "more.yaml").write_text(more, encoding="utf-8")
    before = contents(empty)
    dry = started(empty, "apply", "more.yaml", "--dry-run", "--json")
    assert (dry.code, dry.data["applied"], len(dry.data["changes"])) == (0, False, 4)
    assert suanli(empty, "apply", "more.yaml", "--dry-run").err == "4 changes would be made\n"
    assert contents(empty) == before
    done = suanli(empty, "apply", "more.yaml", "--json")
    assert (done.data["changes"], done.data["applied"]) == (dry.data["changes"], True)


def test_export_gives_back_what_apply_reads(applied: Path, tmp_path: Path) -> None:
    exported = suanli(applied, "export")
    assert (exported.code, exported.err) == (0, "")
    (tmp_path / "exported.yaml").write_text(exported.out, encoding="utf-8")
    assert suanli(tmp_path, "apply", "exported.yaml").code == 0
    assert suanli(tmp_path, "export").out == exported.out
    assert suanli(applied, "apply", str(tmp_path / "exported.yaml"), "--json").data["changes"] == []
    pools = [pool for site in yaml.safe_load(exported.out)["sites"] for pool in site["pools"]]
    assert pools == [pool for site in yaml.safe_load(SITES_YAML)["sites"] for pool in site["pools"]]


def test_site_list_and_show(applied: Path) -> None:
    listed = suanli(applied, "site", "list", "--json").data["sites"]
    assert [site["id"] for site in listed] == ["wh-1", "wh-2"]
    assert listed[0] == {
        "id": "wh-1",
        "name": "芜湖一号",
        "province": "安徽",
        "operator": "示例运营方",
        "status": "operational",
        "kind": "http_json",
        "cross_check": None,
        "pools": [{"id": "a100", "model": "nvidia-a100-sxm4-80gb", "basis": "fp16"}],
        "up": None,
        "last_result": None,
        "last_reason": None,
        "last_success": None,
    }
    table = suanli(applied, "site", "list")
    assert all(word in table.out for word in ("wh-1", "芜湖二号", "h800 (nvidia-h800-sxm5-80gb)"))
    shown = suanli(applied, "site", "show", "wh-2", "--json").data
    assert (shown["id"], shown["pools"][0]["capacity"][0]["pflops"]) == ("wh-2", 100.0)
    assert yaml.safe_load(suanli(applied, "site", "show", "wh-2").out)["sites"][0]["id"] == "wh-2"


def test_capacity_list(applied: Path) -> None:
    listed = suanli(applied, "capacity", "list", "--json").data["capacity"]
    assert [(one["site"], one["stage"], one["devices"], one["pflops"]) for one in listed] == [
        ("wh-1", "built", 1000, 312.0),
        ("wh-1", "planned", 2048, 2048 * 0.312),
        ("wh-2", "built", None, 100.0),
    ]
    assert set(listed[0]) == {
        "submission",
        "site",
        "pool",
        "stage",
        "from",
        "until",
        "devices",
        "pflops",
        "basis",
        "reason",
        "source",
        "id",
        "recorded_at",
        "superseded_at",
    }
    assert (listed[0]["from"], listed[0]["until"]) == ("2024-09-01", None)
    only = suanli(applied, "capacity", "list", "--site", "wh-2", "--json").data["capacity"]
    assert only == listed[2:]
    assert "验收报告" in suanli(applied, "capacity", "list").out


@pytest.mark.parametrize(
    "words", [["site", "show", "wh-9"], ["capacity", "list", "--site", "wh-9"], ["collect", "wh-9"]]
)
def test_an_unknown_site_is_2_and_the_known_ones_are_named(applied: Path, words: list[str]) -> None:
    ended = suanli(applied, *words)
    assert (ended.code, ended.out) == (2, "")
    assert "no site 'wh-9'" in ended.err
    assert "wh-1" in ended.err


BAD_SITES = {
    "overlap": ("{from: 2024-09-01, stage: built, devices: 1000, source: 验收报告}",
                "{from: 2024-03-01, stage: planned, devices: 1, source: x}",
                "bad.yaml:12: sites[0].pools[0].capacity[1]: overlaps another planned entry of this pool"),
    "model": ("nvidia-a100-sxm4-80gb", "nvidia-a100-sxm4-80",
              "bad.yaml:9: sites[0].pools[0].model: model 'nvidia-a100-sxm4-80' is not in the catalogue; nearest: "),
    "date": ("2024-03-01", "2024-02-30", "bad.yaml:11: sites[0].pools[0].capacity[0].from: should be a valid date"),
    "key": ("operator: 示例", "oprator: 示例", "bad.yaml:5: sites[0].oprator: unknown key; did you mean operator?"),
    "id": ("id: wh-1", "id: 芜湖", "bad.yaml:2: sites[0].id: "),
    "unit": ("settings: {", "interval: 60, settings: {", "bad.yaml:6: sites[0].source.interval: a duration needs"),
    "secret": ("settings: {", "auth: {kind: bearer, token: Hunter2}, settings: {",
               "bad.yaml:6: sites[0].source.auth.token: a secret is not written in a file"),
    "kind": ("http_json", "http_jsn", "bad.yaml:6: sites[0].source.kind: http_jsn: unknown kind of source; known: "),
    "setting": ("settings: {", "settings: {unti: devices, ",
                "bad.yaml:6: sites[0].source.settings.unti: unknown key; did you mean unit?"),
    "reason": ("devices: 1000", "devices: 999",
               "site wh-1, pool a100: the ledger already says built 1000 devices from 2024-09-01 (验收报告)"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), BAD_SITES.values(), ids=BAD_SITES.keys())
def test_a_bad_file_of_sites_is_2_and_nothing_is_changed(
    applied: Path, tmp_path: Path, old: str, new: str, told: str
) -> None:
    (tmp_path / "bad.yaml").write_text(SITES_YAML.replace(old, new).replace("芜湖二号", "改名"), encoding="utf-8")
    before = contents(applied)
    ended = suanli(tmp_path, "--store", f"sqlite:///{applied}/suanli.db", "apply", "bad.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert "Hunter2" not in ended.err
    assert contents(applied) == before


# ---------------------------------------------------------------- rates


def test_rates_have_the_shape_of_the_interface(applied: Path) -> None:
    ended = suanli(applied, "rates", "--json")
    assert (ended.code, ended.err) == (0, "")
    answer = ended.data
    assert list(answer) == ["at", "as_of", "basis", "fleet", "groups", "benchmarks", "targets"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["at"])
    assert set(answer["fleet"]) == set(Rates.__dataclass_fields__)
    assert set(answer["groups"][0]) == {"site", *answer["fleet"], "quality", "age_seconds", "status"}
    assert set(answer["benchmarks"][0]) == {
        *("name", "metric", "value", "delta", "source", "basis"),
        *("unit", "comparable", "caution"),
    }
    fleet = answer["fleet"]
    assert (fleet["built_pflops"], fleet["online_pflops"], fleet["used_pflops"]) == (412.0, 370.0, 185.0)
    assert (fleet["online_ratio"], fleet["usage_ratio"]) == pytest.approx((370 / 412, 0.5))
    assert (fleet["planned_pflops"], fleet["busy_pflops"]) == (pytest.approx(2048 * 0.312), None)
    assert (fleet["coverage_ratio"], fleet["sites_expected"], fleet["sites_heard"]) == (1.0, 2, 2)
    assert [one["delta"] for one in answer["benchmarks"]] == pytest.approx([370 / 412 - 0.6, 0.5 - 0.38])


@pytest.mark.parametrize("by", GROUPINGS)
def test_rates_by(applied: Path, by: str) -> None:
    groups = suanli(applied, "rates", "--json", "--by", by).data["groups"]
    wanted = {"province": ["安徽"], "pool": ["wh-1/a100", "wh-2/h800"], "site": ["wh-1", "wh-2"]}
    assert sum(group["built_pflops"] for group in groups) == 412.0
    assert [group[by] for group in groups] == wanted.get(by, [group[by] for group in groups])


def test_rates_at_another_time_are_unknown_not_zero(applied: Path) -> None:
    answer = suanli(applied, "rates", "--json", "--at", "2025-01-01").data
    assert answer["at"] == "2024-12-31T16:00:00Z", "a day begins in the configured zone"
    fleet = answer["fleet"]
    assert (fleet["built_pflops"], fleet["online_pflops"], fleet["online_ratio"]) == (412.0, None, None)
    assert (fleet["coverage_ratio"], fleet["online_ratio_low"], fleet["online_ratio_high"]) == (0.0, 0.0, 1.0)
    table = suanli(applied, "--lang", "en", "rates", "--at", "2025-01-01")
    assert "unknown" in table.out
    before = suanli(applied, "rates", "--json", "--as-of", "2024-01-01").data
    assert (before["fleet"]["built_pflops"], before["as_of"]) == (None, "2023-12-31T16:00:00Z")
    assert suanli(applied, "rates", "--json", "--basis", "fp64").data["groups"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--by", "planet"], "--by: 'planet' is none of site, pool, province, operator, model"),
        (["--basis", "int8"], "--basis: 'int8' is none of fp16, fp32, fp64"),
        (["--at", "yesterday"], "--at: 'yesterday' is no date or time such as"),
        (["--as-of", "2024-02-30"], "--as-of: '2024-02-30' is no date or time such as"),
    ],
)
def test_a_wrong_option_is_2(applied: Path, words: list[str], told: str) -> None:
    ended = suanli(applied, "rates", "--json", *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


@pytest.mark.parametrize(("target", "at", "code"), [("0.8", None, 0), ("0.95", None, 1), ("0.8", "2025-01-01", 1)])
def test_rates_check_is_1_when_a_target_is_missed_or_cannot_be_judged(
    applied: Path, tmp_path: Path, target: str, at: str | None, code: int
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"store: sqlite:///{applied}/suanli.db\n" + TARGETS % target, encoding="utf-8")
    words = ["rates", "--json", *(["--at", at] if at else [])]
    ended = suanli(tmp_path, *words, "--check")
    states = [one["state"] for one in ended.data["targets"]]
    assert (ended.code, states) == (code, {0: ["ok", "ok"], 1: ["unknown"] * 2 if at else ["below", "ok"]}[code])
    assert suanli(tmp_path, *words).code == 0


def test_rates_check_without_a_target_is_2_and_no_silent_yes(applied: Path) -> None:
    ended = suanli(applied, "rates", "--json", "--check")
    assert (ended.code, ended.out) == (2, "")
    assert "--check: no target is configured" in ended.err


def test_the_table_says_what_the_json_says(applied: Path) -> None:
    table = suanli(applied, "--lang", "zh", "rates")
    assert all(text in table.out for text in ("全域", "412.0 P", "370.0 P", "89.8 %", "50.0 %", "+12.0 个百分点"))
    assert table.err == ""


# ---------------------------------------------------------------- settings and upkeep


def test_the_store_is_the_options_else_the_environments_else_the_configurations(applied: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{applied}/suanli.db"
    (tmp_path / "other.yaml").write_text(f"store: {url}\n", encoding="utf-8")
    for words, environment in (
        (["--store", url], {"SUANLI_STORE": "sqlite:///nothing.db"}),
        ([], {"SUANLI_STORE": url}),
        (["--config", "other.yaml"], {}),
        ([], {"SUANLI_CONFIG": "other.yaml"}),
    ):
        listed = suanli(tmp_path, *words, "site", "list", "--json", **environment)
        assert len(listed.data["sites"]) == 2
    assert not (tmp_path / "nothing.db").exists()


def test_config_check(tmp_path: Path) -> None:
    text = TARGETS % "0.8" + "read_token: {env: SUANLI_T}\npoll: {interval: 90s}\n"
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    ended = suanli(tmp_path, "config", "check", "--json", SUANLI_T="Hunter2")
    assert ended.code == 0
    assert (ended.data["poll"]["interval"], ended.data["read_token"]["env"]) == ("90s", "SUANLI_T")
    assert "Hunter2" not in ended.out
    plain = suanli(tmp_path, "config", "check", SUANLI_T="Hunter2")
    assert plain.out == "ok: store sqlite:///suanli.db, listen 127.0.0.1:9105, 0 sinks, 2 targets\n"


def test_db_upgrade(tmp_path: Path) -> None:
    dry = suanli(tmp_path, "db", "upgrade", "--dry-run")
    assert (dry.code, dry.err) == (0, f"would upgrade the schema from nothing to {HEAD}\n")
    assert suanli(tmp_path, "db", "upgrade", "--dry-run").err == dry.err
    assert suanli(tmp_path, "db", "upgrade").err == f"schema nothing -> {HEAD}\n"
    assert suanli(tmp_path, "db", "upgrade").err == f"the schema is up to date ({HEAD})\n"


@pytest.mark.parametrize("words", [["rates"], ["apply", "sites.yaml"], ["export"], ["db", "upgrade"], ["serve"]])
def test_a_store_that_is_down_is_3(empty: Path, words: list[str]) -> None:
    ended = started(empty, "--store", "sqlite:////no/such/folder/x.db", *words)
    assert (ended.code, ended.out) == (3, "")
    assert "the store /no/such/folder/x.db cannot be opened" in ended.err


# ---------------------------------------------------------------- collect


@contextmanager
def answering(answer: Callable[[], tuple[int, bytes]]) -> Iterator[int]:
    """A tiny HTTP server on loopback, made for this test; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def registered(folder: Path, port: int) -> None:
    text = SITES_YAML.replace("https://portal.example/", f"http://127.0.0.1:{port}/")
    text = text.replace("{online: up}", "{online: up, used: busy}")
    (folder / "config.yaml").write_text("reach: {networks: [127.0.0.0/8]}\n", encoding="utf-8")
    (folder / "sites.yaml").write_text(text, encoding="utf-8")
    assert suanli(folder, "apply", "sites.yaml").code == 0


def collected(folder: Path, *words: str) -> Any:
    return suanli(folder, "collect", "wh-1", "--json", *words)


def test_collect_shows_the_way_to_pflops_and_keeps_nothing_unless_told(tmp_path: Path) -> None:
    with answering(lambda: (200, json.dumps({"up": 900, "busy": 450}).encode())) as port:
        registered(tmp_path, port)
        before = contents(tmp_path)
        ended = collected(tmp_path)
        assert (ended.code, ended.err) == (0, "")
        (sample,) = ended.data["samples"]
        assert (ended.data["site"], ended.data["result"], ended.data["reason"]) == ("wh-1", "ok", "")
        assert (sample["online_devices"], sample["online_pflops"]) == (900, pytest.approx(900 * 0.312))
        assert (sample["used_pflops"], sample["busy_pflops"]) == (pytest.approx(450 * 0.312), None)
        assert contents(tmp_path) == before
        assert suanli(tmp_path, "rates", "--json").data["fleet"]["online_pflops"] is None
        table = suanli(tmp_path, "--lang", "en", "collect", "wh-1")
        assert all(text in table.out for text in ("900", "280.8 P", "a100"))
        assert ": 200, 24 bytes" in table.out.splitlines()[0]
        assert "a100: 900 devices of nvidia-a100-sxm4-80gb x 312 TFLOPS = 280.8 P online" in table.out
        (asked,) = ended.data["trail"]["asked"]
        assert (asked["method"], asked["status"], asked["bytes"], asked["items"]) == ("GET", 200, 24, None)
        (pool,) = ended.data["trail"]["pools"]
        assert pool["devices"] * pool["peak_pflops"] == pytest.approx(pool["online_pflops"])
        assert collected(tmp_path, "--record").code == 0
        fleet = suanli(tmp_path, "rates", "--json").data["fleet"]
        assert (fleet["online_pflops"], fleet["sites_heard"]) == (pytest.approx(280.8), 1)


@pytest.mark.parametrize(
    ("status", "body", "code", "result"),
    [
        (401, b"", 1, "refused"),
        (500, b"", 1, "unreadable"),
        (200, b"garbage", 1, "unreadable"),
        (0, b"", 3, "unreachable"),
    ],
)
def test_collect_from_a_source_that_fails(tmp_path: Path, status: int, body: bytes, code: int, result: str) -> None:
    with answering(lambda: (status, body)) as port:
        registered(tmp_path, port)
        if status:
            ended = collected(tmp_path, "--record")
    if not status:
        ended = collected(tmp_path, "--record")
    assert (ended.code, ended.data["result"], ended.data["samples"]) == (code, result, [])
    assert "suanli: wh-1: " in ended.err
    assert suanli(tmp_path, "rates", "--json").data["fleet"]["online_pflops"] is None


def test_collect_writes_a_case_and_says_what_was_replaced(tmp_path: Path) -> None:
    body = json.dumps({"up": 900, "busy": 450, "hostname": "login-of-ours", "owner": "zhangsan"}).encode()
    with answering(lambda: (200, body)) as port:
        registered(tmp_path, port)
        ended = suanli(tmp_path, "--lang", "en", "collect", "wh-1", "--record-case", "new/case")
        assert ended.code == 0
        assert "1 answers; replayed, they give the 1 samples that were polled" in ended.err
        assert "hosts 1" in ended.err
        assert "users 1" in ended.err
        assert "read every file before you show it to anyone" in ended.err
        case = tmp_path / "new" / "case"
        names = {"answers.json", "answer-01.json", "site.yaml", "expected.json", "PROVENANCE.md"}
        assert {file.name for file in case.iterdir()} == names
        text = "".join(file.read_text(encoding="utf-8") for file in case.iterdir())
        assert not any(word in text for word in ("login-of-ours", "zhangsan", "127.0.0.1", "wh-1"))
        again = suanli(tmp_path, "--lang", "en", "collect", "wh-1", "--record-case", "new/case")
        assert again.code == 2
        assert "not empty" in again.err
    assert suanli(tmp_path, "rates", "--json").data["fleet"]["online_pflops"] is None


# ---------------------------------------------------------------- demo and serve


def test_demo_once_prints_the_published_figures_and_leaves_a_folder_that_can_be_asked(tmp_path: Path) -> None:
    ended = started(tmp_path, "demo", "--once", "--json", "--data", "city", "--listen", "127.0.0.1:0")
    assert ended.code == 0
    assert len(ended.err.splitlines()) >= 3
    fleet = ended.data["fleet"]
    assert fleet["online_ratio"] == pytest.approx(0.88, abs=5e-4)
    assert fleet["usage_ratio"] == pytest.approx(0.598, abs=5e-4)
    assert fleet["coverage_ratio"] == 1.0
    assert fleet["built_pflops"] > 2200
    again = started(tmp_path, "--config", "city/config.yaml", "rates", "--json").data
    for key in ("built_pflops", "sites_expected"):
        assert again["fleet"][key] == fleet[key]
    quiet = started(tmp_path, "--quiet", "--lang", "en", "demo", "--once", "--listen", "127.0.0.1:0")
    assert (quiet.code, quiet.err) == (0, "")
    assert "above" in quiet.out or "against" in quiet.out


def test_serve_says_where_it_listens_and_ends_with_0_on_sigterm(empty: Path) -> None:
    (empty / "config.yaml").write_text("listen: 127.0.0.1:0\nlanguage: en\n", encoding="utf-8")
    assert suanli(empty, "apply", "sites.yaml").code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "suanli", "serve"], cwd=empty, env={"PYTHONPATH": str(REPO), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert process.stderr is not None
    try:
        first = process.stderr.readline()
        assert re.match(r"board http://127\.0\.0\.1:\d+/ · metrics ", first)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (0, ""), err


def test_serve_on_an_address_that_is_taken_is_3(empty: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        (empty / "config.yaml").write_text(f"listen: 127.0.0.1:{port}\n", encoding="utf-8")
        ended = started(empty, "serve")
    assert (ended.code, ended.out) == (3, "")
    assert f"cannot listen on 127.0.0.1:{port}" in ended.err


def test_serve_beyond_this_machine_needs_a_token(empty: Path) -> None:
    """Nothing but the sign of life is open there, also to who asks from this machine."""
    with instance(empty) as served:
        served.configure(listen=f"0.0.0.0:{served.port}")
        served.start(ready=lambda: httpx.get(f"{served.url}/healthz", trust_env=False).is_success)
        paths = ("/", "/metrics", "/readyz", "/api/v1/rates", "/api/v1/sites", "/api/v1/openapi.json")
        assert {httpx.get(f"{served.url}{path}", trust_env=False).status_code for path in paths} == {401}


def test_the_zone_of_these_tests_is_the_default() -> None:
    assert ZONE.key == "Asia/Shanghai"
