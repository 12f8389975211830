"""agent.yaml, and `suanli push` as a person gives it; the whole way is in tests/test_push.py."""

from __future__ import annotations

import shutil
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from collectors.registry import REGISTRY
from suanli.agent.config import AgentConfig
from suanli.model.errors import InputError
from suanli.model.yamlfile import YamlFile
from tests.exporter_double import serving
from tests.suanli.running import REPO, contents, suanli

GOOD = """\
server: http://127.0.0.1:9
token: {env: PUSH_TOKEN}
queue: queue.db
site:
  id: far-1
  source: {kind: http_json, url: "http://URL", settings: {fields: {online: up, used: busy}}}
  pools:
    - {id: p, model: nvidia-a100-sxm4-80gb}
"""


def pushed(folder: Path, text: str, *words: str, **environment: str) -> tuple[int, str, str]:
    (folder / "agent.yaml").write_text(text, encoding="utf-8")
    ended = suanli(folder, "--lang", "en", "push", *words, **{"PUSH_TOKEN": "t0k3n-of-nobody"} | environment)
    return ended.code, ended.out, ended.err


def test_the_example_is_right_but_for_its_secrets(tmp_path: Path) -> None:
    shutil.copy(REPO / "docs" / "examples" / "agent.yaml", tmp_path)
    text = (tmp_path / "agent.yaml").read_text(encoding="utf-8")
    config = YamlFile("agent.yaml", text).load(AgentConfig)
    assert config.polled.source.kind in REGISTRY
    code, _, err = pushed(tmp_path, text, "--dry-run")
    assert (code, err.count("\n"), "agent.yaml:3: token: secret missing" in err) == (2, 1, True), err


BAD = {
    "plain http": ("http://127.0.0.1:9", "http://far.example", "agent.yaml:1: server: the token would travel unenc"),
    "key": ("queue:", "quue:", "agent.yaml:3: quue: unknown key; did you mean queue?"),
    "push": (
        'http_json, url: "http://URL", settings: {fields: {online: up, used: busy}}',
        "push",
        "agent.yaml:6: site",
    ),
    "kind": ("http_json", "http_jsn", "agent.yaml:6: site.source.kind: http_jsn: unknown kind of source"),
    "setting": ("fields:", "feelds:", "agent.yaml:6: site.source.settings.feelds: unknown key; did you mean fields?"),
    "model": (
        "a100-sxm4-80gb",
        "a100-sxm4-80",
        "agent.yaml:8: site.pools[0].model: model 'nvidia-a100-sxm4-80' is ",
    ),
    "address": (
        '"http://URL"',
        '"http://169.254.169.254"',
        "agent.yaml:6: site.source.url: 169.254.169.254 is an ad",
    ),
    "secret": ("{env: PUSH_TOKEN}", "Hunter2", "agent.yaml:2: token: a secret is not written in a file"),
}


@pytest.mark.parametrize(("old", "new", "told"), BAD.values(), ids=BAD.keys())
def test_a_wrong_file_is_2_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    code, out, err = pushed(tmp_path, GOOD.replace(old, new).replace("http://URL", "http://10.0.0.1"), "--once")
    assert (code, out, told in err, "Hunter2" in err) == (2, "", True, False), err
    assert list(contents(tmp_path)) == ["agent.yaml"]


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    here = GOOD.replace("URL", "10.0.0.1")
    assert "agent.yaml:2: token: secret missing" in pushed(tmp_path, here, "--once", PUSH_TOKEN="")[2]
    assert "--json: an agent that runs prints nothing" in pushed(tmp_path, here, "--json")[2]
    assert suanli(tmp_path, "push", "--config", "nowhere.yaml").code == 2


def test_a_dry_run_shows_what_would_be_sent_and_leaves_nothing(tmp_path: Path) -> None:
    with serving(lambda _path: b'{"up": 8, "busy": 2}') as source:
        code, out, err = pushed(tmp_path, GOOD.replace("URL", source), "--dry-run", "--json")
        shown = pushed(tmp_path, GOOD.replace("URL", source), "--dry-run")
    told = yaml.safe_load(out)
    assert (code, err) == (0, "")
    (sample,) = told["samples"]
    assert (sample["online_devices"], sample["online_pflops"], sample["used_devices"]) == (8.0, 8 * 0.312, 2.0)
    assert (shown[0], "2.5 P" in shown[1]) == (0, True), shown
    assert list(contents(tmp_path)) == ["agent.yaml"]


def test_a_source_that_is_down_or_talks_rubbish_is_told_apart(tmp_path: Path) -> None:
    with serving(lambda _path: b"<html>") as source:
        rubbish = pushed(tmp_path, GOOD.replace("URL", source), "--once")
    gone = pushed(tmp_path, GOOD.replace("URL", source), "--once")
    assert (rubbish[0], "far-1: unreadable" in rubbish[2]) == (1, True), rubbish
    assert (gone[0], "no connection" in gone[2]) == (3, True), gone


def test_an_agent_reaches_its_own_network_and_no_metadata() -> None:
    config = YamlFile("agent.yaml", GOOD.replace("URL", "10.0.0.1")).load(AgentConfig)
    reach = config.reach.of("far-1")
    open_, closed = ("10.1.2.3", "192.168.0.1", "127.0.0.1", "fd12::1"), ("169.254.169.254", "100.100.100.200")
    assert [reach.fault(ip_address(one)) for one in open_] == [""] * 4
    assert all(reach.fault(ip_address(one)) for one in closed)


def test_the_queue_is_where_the_file_says(tmp_path: Path) -> None:
    with serving(lambda _path: b'{"up": 8, "busy": 2}') as source:
        code, out, _ = pushed(tmp_path, GOOD.replace("URL", source), "--once", "--json")
    assert (code, yaml.safe_load(out)["waiting"]) == (3, 1)
    assert (tmp_path / "queue.db").exists()
    with pytest.raises(InputError):
        YamlFile("agent.yaml", GOOD.replace("queue.db", '""')).load(AgentConfig)
