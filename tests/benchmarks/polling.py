"""CPU of a poll: `suanli serve` and a real Prometheus on the same endpoints at the same interval, one after the other.

Suanli's poll is whole: asked, parsed, stored durably (SQLite, synchronous=FULL), exposed (its /metrics is scraped once
an interval meanwhile), forwarded to a sink. Prometheus stores too, but does not wait for the disk. Where a Telegraf was
built, it asks, forwards and exposes the same as well; it stores nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.children import BenchError, child_environment, endpoints, listening, running, suanli
from tests.benchmarks.endpoints import COUNTS_PATH, JSON_PATH, POOLS, TEXT_PATH, address
from tests.benchmarks.figures import Figure
from tests.benchmarks.measuring import Cost, Load, await_, measured
from tests.benchmarks.telegraf import telegraf_cost
from tests.servers.processes import free_ports

_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What a Prometheus prefers: OpenMetrics."""
_POLLS = re.compile(r'^suanli_site_polls_total\{result="(\w+)",site="[^"]*"\} (\S+)$', re.MULTILINE)
_FIELDS = {"pool": "name", "online": "deviceUp", "used": "deviceUsed", "busy": "deviceBusy"}
_BUILT = "2024-09-01"


@dataclass(frozen=True, slots=True)
class Record:
    """What the store acknowledged to the polls that were told as ok, and what a look into its file shows.

    slots: rows; fewer than samples where a later sample of the same slot replaced an earlier one.
    """

    acknowledged: int
    stored: int
    slots: int


def polling_figures(load: Load, folder: Path) -> list[Figure]:
    """The costs beside each other, and whether everything was recorded. Raises BenchError when a poll failed."""
    port = free_ports(1)[0]
    cost, record = _suanli_cost(load, folder, port)
    other, telegraf = _prometheus_cost(load, folder, port), telegraf_cost(load, folder, port)
    beside = _beside_telegraf(cost, telegraf) if telegraf else []
    return [
        Figure("poll_cpu_us", cost.cpu_us, "us", "prometheus_scrape_cpu_us", other.cpu_us if other else None, goal=1.5),
        Figure("poll_memory_mb", cost.memory_mb, "MB", "prometheus_memory_mb", other.memory_mb if other else None),
        Figure("polls_ok", cost.polls, "polls", "prometheus_scrapes", other.polls if other else None),
        Figure(
            "samples_stored", record.stored, "samples", "samples_acknowledged", record.acknowledged, 1.0, exact=True
        ),
        Figure("slots_filled", record.slots, "slots", "samples_acknowledged", record.acknowledged),
        Figure("scrape_wall_ms", statistics.median(cost.scrape_ms), "ms"),
        *beside,
    ]


def _beside_telegraf(cost: Cost, telegraf: Cost) -> list[Figure]:
    return [
        Figure("poll_beside_telegraf_cpu_us", cost.cpu_us, "us", "telegraf_cpu_us", telegraf.cpu_us, goal=1.0),
        Figure("poll_beside_telegraf_memory_mb", cost.memory_mb, "MB", "telegraf_memory_mb", telegraf.memory_mb),
    ]


def write_registry(load: Load, folder: Path, port: int, listen: int, sink: int | None = None) -> Path:
    """A configuration and a store with all the sites in it; the path of the configuration. sink: a port."""
    config = folder / "config.yaml"
    config.write_text(
        f"store: sqlite:///{folder / 'suanli.db'}\nlisten: 127.0.0.1:{listen}\nreach: {{networks: [127.0.0.0/8]}}\n"
        + (f"sinks: [{{name: bench, kind: victoriametrics, url: 'http://127.0.0.1:{sink}'}}]\n" if sink else "")
    )
    sites = folder / "sites.yaml"
    written = ",\n".join(json.dumps(_site(number, load, port)) for number in range(load.sites))
    sites.write_text(f"sites: [{written}]".replace(f'"{_BUILT}"', _BUILT))  # JSON is YAML, but has no dates
    command = suanli("--config", str(config), "apply", str(sites))
    done = subprocess.run(command, cwd=folder, env=child_environment(), capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise BenchError(f"suanli apply ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return config


def _site(number: int, load: Load, port: int) -> dict[str, Any]:
    settings = {"path": JSON_PATH, "pools": "data.pools", "time": "data.time", "fields": _FIELDS}
    source = {
        "kind": "http_json",
        "url": f"http://{address(number)}:{port}",
        "interval": f"{load.interval}s",
        "settings": settings,
    }
    built = [{"from": _BUILT, "stage": "built", "devices": 1024, "source": "benchmark"}]
    models = ("nvidia-a100-sxm4-80gb", "nvidia-h800-sxm5-80gb")
    pools = [{"id": pool, "model": model, "capacity": built} for pool, model in zip(POOLS, models, strict=True)]
    site = {"id": f"site-{number:05}", "name": f"智算中心 {number}", "province": "安徽", "operator": "示例"}
    return site | {"source": source, "pools": pools}


def _suanli_cost(load: Load, folder: Path, port: int) -> tuple[Cost, Record]:
    listen, sink = free_ports(2)
    config = write_registry(load, folder, port, listen, sink)
    url = f"http://127.0.0.1:{listen}/metrics"
    command = suanli("--config", str(config), "serve")
    with (
        listening("tests.benchmarks.sink", [str(sink)], folder),
        running("suanli", command, folder) as child,
        httpx.Client(trust_env=False, timeout=20) as client,
    ):
        with endpoints(load.sites, port, folder):
            await_(child, lambda: _polls(client, url).get("ok", 0) >= 2 * load.sites, "two polls of every site")
            time.sleep(load.interval)
            cost = measured(child, load, lambda: _polls(client, url).get("ok", 0))
            if failed := {name: count for name, count in _polls(client, url).items() if name != "ok"}:
                raise BenchError(f"not every poll was ok: {failed}\n{child.last_words()}")
        # No site answers any more, so the count of good polls stands still and can be compared with the store.
        acknowledged = len(POOLS) * _settled(client, url)
        record = _recorded(folder / "suanli.db", acknowledged)
        await_(child, lambda: _points(client, sink) >= record.slots, f"{record.slots} points in the sink")
        return cost, record


def _prometheus_cost(load: Load, folder: Path, port: int) -> Cost | None:
    """None where there is no Prometheus."""
    program = shutil.which("prometheus")
    if program is None:
        return None
    listen = free_ports(1)[0]
    command = [
        program,
        f"--config.file={_prometheus_config(load, folder, port)}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{listen}",
        "--log.level=warn",
    ]
    with endpoints(load.sites, port, folder), httpx.Client(trust_env=False, timeout=20) as client:
        counts = f"http://{address(0)}:{port}{COUNTS_PATH}"

        def scrapes() -> int:
            return int(client.get(counts).json()["scrapes"])

        with running("prometheus", command, folder) as child:
            await_(child, lambda: scrapes() >= 2 * load.sites, "two scrapes of every site")
            time.sleep(load.interval)
            cost = measured(child, load, scrapes)
            up = client.get(f"http://127.0.0.1:{listen}/api/v1/query", params={"query": "sum(up)"}).json()
    if (healthy := int(up["data"]["result"][0]["value"][1])) != load.sites:
        raise BenchError(f"Prometheus sees {healthy} of {load.sites} sites up")
    return cost


def _prometheus_config(load: Load, folder: Path, port: int) -> Path:
    every = f"{load.interval}s"
    targets = [f"{address(number)}:{port}" for number in range(load.sites)]
    job = {"job_name": "sites", "metrics_path": TEXT_PATH, "static_configs": [{"targets": targets}]}
    file = folder / "prometheus.yml"
    file.write_text(
        json.dumps({"global": {"scrape_interval": every, "scrape_timeout": every}, "scrape_configs": [job]})
    )
    return file


def _polls(client: httpx.Client, url: str) -> dict[str, int]:
    """Polls so far by result, as /metrics tells them."""
    found: dict[str, int] = {}
    for result, count in _POLLS.findall(client.get(url, headers={"Accept": _ACCEPT}).raise_for_status().text):
        found[result] = found.get(result, 0) + int(float(count))
    return found


def _points(client: httpx.Client, sink: int) -> int:
    """How many came to the sink; one may come twice, or again with another figure."""
    return int(client.get(f"http://127.0.0.1:{sink}{COUNTS_PATH}").json()["points"])


def _settled(client: httpx.Client, url: str) -> int:
    """Good polls, once no more of them come to an end."""
    seen = -1
    for _ in range(20):
        if (now := _polls(client, url)["ok"]) == seen:
            return now
        seen = now
        time.sleep(1.0)
    raise BenchError("polls go on being good although no site answers")


def _recorded(database: Path, acknowledged: int) -> Record:
    """Every sample takes a number that no other has; a replaced one gives its row, not its number, to the next."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        stored = connection.execute("SELECT value FROM counters WHERE name = 'sample_seq'").fetchone()[0]
        slots = connection.execute("SELECT count(*) FROM samples").fetchone()[0]
    finally:
        connection.close()
    return Record(acknowledged, stored, slots)
