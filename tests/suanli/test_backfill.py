"""`suanli backfill`: what is refused, an API asked for one moment after the other, and a source that fails midway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.exporter_double import serving
from tests.reaching import LOOPBACK
from tests.suanli.making import SITES_YAML
from tests.suanli.running import Ended, suanli

SPAN = ("--from", "2025-03-01T00:00:00Z", "--to", "2025-03-01T00:10:00Z")
ASKED = {"params": {"at": "{to:s}"}, "fields": {"online": "up", "used": "busy"}, "time": "at"}


def answer(path: str) -> bytes:
    """What was online and used at the moment that is asked about."""
    at = int(parse_qs(urlsplit(path).query)["at"][0])
    return json.dumps({"at": at, "up": at // 60 % 100, "busy": at // 60 % 50}).encode()


def now(_path: str) -> bytes:
    return json.dumps({"at": 1_760_000_000, "up": 9, "busy": 9}).encode()


def registered(folder: Path, address: str, settings: Mapping[str, Any]) -> None:
    sites = yaml.safe_load(SITES_YAML)
    sites["sites"][0]["source"] = {"kind": "http_json", "url": f"http://{address}", "settings": dict(settings)}
    (folder / "sites.yaml").write_text(yaml.safe_dump(sites), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump({"reach": LOOPBACK}), encoding="utf-8")
    assert suanli(folder, "apply", "sites.yaml").code == 0


def backfill(folder: Path, *words: str, lang: str = "en") -> Ended:
    return suanli(folder, "--lang", lang, "--quiet", "backfill", "wh-1", *SPAN, *words)


def test_an_api_is_asked_moment_by_moment_and_twice_is_once(tmp_path: Path) -> None:
    asked: list[int] = []

    def counted(path: str) -> bytes:
        asked.append(int(parse_qs(urlsplit(path).query)["at"][0]))
        return answer(path)

    with serving(counted) as address:
        registered(tmp_path, address, ASKED)
        dry = backfill(tmp_path, "--dry-run", "--json").data
        assert (dry["samples"], dry["dry_run"]) == (10, True)
        done = backfill(tmp_path, "--json").data
        assert (done["samples"], done["silent"], done["on_record"]) == (10, 0, 0)
        assert len(asked) == 20
        assert {late - early for early, late in zip(asked[10:], asked[11:], strict=False)} == {60}  # noqa: RUF007 - slices
        again = backfill(tmp_path, "--json").data
    assert (again["samples"], again["on_record"], len(asked)) == (0, 10, 20)
    rows = suanli(tmp_path, "audit", "--json").data["audit"]
    assert [row["subject"] for row in rows if row["action"] == "samples.backfill"] == ["wh-1"]


def test_an_api_that_answers_about_now_is_found_out(tmp_path: Path) -> None:
    with serving(now) as address:
        registered(tmp_path, address, ASKED)
        no = backfill(tmp_path, "--json")
    assert (no.code, no.data["samples"], "it answered about" in no.err) == (1, 0, True), no.err


def test_a_question_that_names_no_time_has_no_history(tmp_path: Path) -> None:
    with serving(answer) as address:
        registered(tmp_path, address, ASKED | {"params": {"stamp": "{now:ms}"}})
        no = backfill(tmp_path)
        chinese = backfill(tmp_path, lang="zh")
    assert (no.code, "names no time" in no.err) == (2, True)
    assert "无法提供历史数据" in chinese.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--every", "90s"), "not a multiple"),
        (("--chunk", "soon"), "--chunk: expected a duration"),
        (("--to", "2025"), "--to"),
    ],
)
def test_wrong_options_are_2(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    registered(tmp_path, "127.0.0.1:9105", ASKED)
    no = backfill(tmp_path, *words)
    assert (no.code, no.out, told in no.err) == (2, "", True), no.err


def test_another_kind_is_refused_with_those_that_have_history(tmp_path: Path) -> None:
    registered(tmp_path, "127.0.0.1:9105", ASKED)
    sites = (tmp_path / "sites.yaml").read_text(encoding="utf-8")
    changed = yaml.safe_load(sites)
    changed["sites"][0]["source"] = {"kind": "ray", "url": "http://127.0.0.1:9105"}
    (tmp_path / "sites.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    no = backfill(tmp_path)
    assert (no.code, no.out) == (2, "")
    assert "wh-1 is of kind ray, which tells nothing of the past; these do: http_json, prometheus, slurm" in no.err


def test_a_source_that_fails_midway_is_told_and_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suanli.importing.backfill.wait_after", lambda _turn, _error: 0.0)
    down, failed = [True], []

    def midway(path: str) -> bytes:
        if down[0] and int(parse_qs(urlsplit(path).query)["at"][0]) >= 1_740_787_200 + 300:
            failed.append(path)
            return b""
        return answer(path)

    with serving(midway) as address:
        registered(tmp_path, address, ASKED)
        no = backfill(tmp_path, "--json")
        assert (no.code, no.data["samples"], no.data["moments"], len(failed)) == (3, 5, 5, 4), no.err
        assert "the same command goes on from there" in no.err
        down[0] = False
        rest = backfill(tmp_path, "--json")
    assert (rest.code, rest.data["samples"], rest.data["on_record"]) == (0, 5, 5)
