"""An alert travels for real: a site, a whole `suanli serve`, and from there on two ways to one webhook.

Its own evaluator and notifier on one, a real Prometheus and Alertmanager with what `suanli rules build` made on the
other. Then the site is silent, then Suanli is, and neither says that anything is over; a rule that anybody would write
does, in the same seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards.boards import names_read
from tests.exporter.notify.receivers import Receiver, webhook
from tests.exporter_double import serving
from tests.instance import Instance, instance
from tests.servers.alertmanager import Alertmanager
from tests.servers.processes import free_port, wait_until
from tests.servers.prometheus import Prometheus, Scrape

TARGET = {"scope": "fleet", "metric": "online_ratio", "target": 0.8, "band": 0.02, "for": "2s"}
EXCUSED = TARGET | {"scope": "site:works"}
NAIVE = {"alert": "NaiveRate", "expr": 'suanli_target_actual_ratio{scope="fleet"} < 0.8'}
RATE, SILENT = "SuanliRateBelowTarget", "SuanliSiteSilent"
OF_FLEET = {"scope": "fleet", "metric": "online_ratio", "basis": "fp16"}
WITHIN = 60


@dataclass
class Source:
    """The APIs of all sites on one port, whose figures a test sets; a check tells more used than the source."""

    port: int = field(default_factory=free_port)
    online: float = 70.0

    def answer(self, path: str) -> bytes:
        if path == "/odd":
            return json.dumps({"online": 1.0, "used": 1.5}).encode()
        used = 40.0 if path == "/check" else 35.0
        return json.dumps({"online": self.online, "used": used, "busy": 30.0}).encode()


@dataclass
class Told:
    """What came to the webhook, on either way, in order."""

    receiver: Receiver

    def own(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Of this kind of alert what the notifier told: fires, over ..."""
        alerts = [alert for got in list(self.receiver.got) if got.path == "/own" for alert in got.json["alerts"]]
        return [(alert["news"], alert) for alert in alerts if alert["alert"] == kind]

    def theirs(self, alertname: str) -> list[tuple[str, dict[str, Any]]]:
        """Of this alert what Alertmanager told: firing, resolved."""
        alerts = [alert for got in list(self.receiver.got) if got.path == "/theirs" for alert in got.json["alerts"]]
        return [(alert["status"], alert) for alert in alerts if alert["labels"]["alertname"] == alertname]

    def wait_for(self, word: str, kind: str, alertname: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The last that was told so on each way, when it has come on both."""
        words = {"fires": "firing", "over": "resolved"}

        def both() -> list[dict[str, Any]] | None:
            ours = [alert for news, alert in self.own(kind) if news == word]
            theirs = [alert for status, alert in self.theirs(alertname) if status == words[word]]
            return [ours[-1], theirs[-1]] if ours and theirs else None

        ours, theirs = wait_until(both, within=WITHIN, what=f"{kind} and {alertname} to be {word}")
        return ours, theirs

    @property
    def over(self) -> set[str]:
        """What was said to be over, on either way."""
        posts = [got for got in list(self.receiver.got) if got.path in ("/own", "/theirs")]
        alerts = [alert for got in posts for alert in got.json["alerts"]]
        ours = {alert["alert"] for alert in alerts if alert.get("news") in ("over", "passed")}
        return ours | {alert["labels"]["alertname"] for alert in alerts if alert.get("status") == "resolved"}


def configure(suanli: Instance) -> None:
    """Rounds every second, and hardly any patience."""
    quick = {"for": "2s", "keep": "1s"}
    suanli.configure(
        language="en",
        targets=[TARGET, EXCUSED],
        alerts={"interval": "1s", "rate_below_target": {"keep": "1s"}, "site_silent": quick, "no_target_data": quick},
        notify=[{"name": "duty", "url": {"env": "DUTY"}, "group": "1s", "calm": "1s"}],
        sinks=[{"name": "nobody", "kind": "victoriametrics", "url": "http://127.0.0.1:9"}],
    )


def register(suanli: Instance, source: Source) -> None:
    """One that is polled and checked, one that tells more used than online, one in the works, one on its way."""
    polled = _asked(source, "/a", busy="busy")
    suanli.apply(
        _site("a", _pool("p", 100), source=polled, cross_check=_asked(source, "/check")),
        _site("odd", _pool("p", 1), source=_asked(source, "/odd")),
        _site("works", _pool("p", 50)),
        _site("new", _pool("waits", 1), _pool("plan", 30, "planned")),
    )
    window = ("--from", "2026-01-01", "--until", "2100-01-01", "--reason", "new cooling", "--approve", "--by", "bureau")
    suanli.run("maintenance", "add", "works", *window)


def _asked(source: Source, path: str, **fields: str) -> dict[str, Any]:
    settings = {"path": path, "unit": "PFLOPS", "fields": {"online": "online", "used": "used", **fields}}
    return {"kind": "http_json", "url": f"http://127.0.0.1:{source.port}", "interval": "1s", "settings": settings}


def _site(site: str, *pools: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": site, "name": site, "province": "安徽", "operator": "op", "pools": list(pools), **more}


def _pool(pool: str, pflops: float, stage: str = "built") -> dict[str, Any]:
    entry = {"from": date(2025, 1, 1), "stage": stage, "pflops": float(pflops), "source": "test"}
    return {"id": pool, "model": "nvidia-a100-sxm4-80gb", "capacity": [entry]}


def built_rules(suanli: Instance, receiver: Receiver) -> tuple[str, dict[str, Any]]:
    """What `suanli rules build` writes: the rules with the naive one beside them, Alertmanager's with shorter waits."""
    folder = suanli.folder / "rules"
    suanli.run("rules", "build", "--output", str(folder), "--webhook", f"http://127.0.0.1:{receiver.port}/theirs")
    rules = yaml.safe_load((folder / "prometheus" / "suanli.rules.yml").read_text())
    rules["groups"].append({"name": "naive", "interval": "1s", "rules": [NAIVE]})
    config = yaml.safe_load((folder / "prometheus" / "alertmanager.yml").read_text())
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    return yaml.safe_dump(rules), config


@pytest.mark.slow
def test_both_ways_tell_the_same_and_silence_ends_nothing(
    tmp_path: Path, start_alertmanager: Callable[..., Alertmanager], start_prometheus: Callable[..., Prometheus]
) -> None:
    source = Source()
    with webhook() as receiver, instance(tmp_path, DUTY=f"json://127.0.0.1:{receiver.port}/own") as suanli:
        told = Told(receiver)
        configure(suanli)
        register(suanli, source)
        with ExitStack() as site:
            site.enter_context(serving(source.answer, source.port))
            suanli.start()
            rules, config = built_rules(suanli, receiver)
            manager = start_alertmanager(config)
            scrape = Scrape("suanli", [suanli.address])
            prometheus = start_prometheus(scrape, rules=rules, alertmanager=manager.address)
            below(told, suanli)
        silent(told, suanli, prometheus)
        exposed = names(suanli)
        assert suanli.stop() == 0
        prometheus.wait_for_value("count_over_time(absent(suanli_build_info)[20s:1s]) > bool 3", 1)
        assert prometheus.value(f'ALERTS{{alertname="{RATE}",alertstate="firing"}}') == 1
        assert told.over <= {"NaiveRate"}
        source.online = 95.0
        with serving(source.answer, source.port):
            suanli.start()
            for kind, alertname in (("rate_below_target", RATE), ("site_silent", SILENT)):
                told.wait_for("over", kind, alertname)
            missing = names_read() - exposed
            wait_until(lambda: missing <= names(suanli), within=20, what=f"all that is read; before: {missing}")


def below(told: Told, suanli: Instance) -> None:
    """71 of 102: what maintenance excuses is not in it, what is on its way is."""
    ours, theirs = told.wait_for("fires", "rate_below_target", RATE)
    wait_until(lambda: told.theirs("NaiveRate"), within=WITHIN, what="the naive rule to fire")
    assert ours["subject"] == OF_FLEET
    assert ours["value"] == suanli.metric("suanli_target_actual_ratio", **OF_FLEET) == 71 / 102
    assert ours["stake_pflops"] == suanli.metric("suanli_target_shortfall_pflops", **OF_FLEET)
    assert ours["stake_pflops"] == pytest.approx(0.8 * 102 - 71)
    assert OF_FLEET.items() <= theirs["labels"].items()
    said = theirs["annotations"]
    assert said["summary"] == "fleet: online_ratio is 69.61%, below its target of 80 %"
    assert said["summary_zh"] == "fleet：online_ratio 为 69.61%，低于目标 80 %"
    assert "10.6 PFLOPS" in said["description"]
    assert "涉及算力：10.6 PFLOPS" in said["description_zh"]
    assert said["runbook_url"].endswith("#alert-rate-below-target")


def silent(told: Told, suanli: Instance, prometheus: Prometheus) -> None:
    """Nobody answers any more: that is told, and the rate, of which nobody knows, is held on both ways."""
    ours, theirs = told.wait_for("fires", "site_silent", SILENT)
    assert ours["subject"]["site"] in ("a", "odd")
    assert theirs["labels"]["site"] in ("a", "odd")
    told.wait_for("fires", "no_target_data", "SuanliNoTargetData")
    resolved = [("resolved",)]
    wait_until(
        lambda: [(status,) for status, _ in told.theirs("NaiveRate")][-1:] == resolved,
        within=WITHIN,
        what="the naive rule to be resolved",
    )
    assert suanli.metric("suanli_target_actual_ratio", **OF_FLEET) is None
    alert = {"alert": "rate_below_target", "severity": "warning", "site": "", "sink": "", **OF_FLEET}
    assert suanli.metric("suanli_alert_firing", **alert) == 1
    assert prometheus.value(f'ALERTS{{alertname="{RATE}",alertstate="firing"}}') == 1
    assert told.over == {"NaiveRate"}


def names(suanli: Instance) -> set[str]:
    """Of all metrics that have a value now."""
    return {name for name, _ in suanli.metrics()}
