"""What Telegraf costs at the same work: the same JSON of the same endpoints, read, forwarded and exposed.

Each turn of Suanli's grid of 100 ms is an input of its own here, put off by its place in the interval, so that both
programs wake up as often for as many sites. It keeps nothing on the disk: what is not forwarded yet is in its memory.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import httpx

from tests.benchmarks.children import BenchError, endpoints, listening, running
from tests.benchmarks.endpoints import COUNTS_PATH, JSON_PATH, POOLS, address
from tests.benchmarks.measuring import Cost, Load, await_, measured
from tests.servers.processes import free_ports

BUILD = "tests/servers/telegraf/build.sh"
_VERSION = "1.37.2"
_GRID_MS = 100
_INPUT = """
[[inputs.http]]
  urls = {urls}
  collection_offset = "{offset}ms"
  data_format = "json_v2"
  [[inputs.http.json_v2]]
    measurement_name = "compute"
    timestamp_path = "data.time"
    timestamp_format = "unix"
    [[inputs.http.json_v2.object]]
      path = "data.pools"
      tags = ["name"]
      included_keys = ["name", "deviceUp", "deviceUsed", "deviceBusy"]
"""
_REST = """
[agent]
  interval = "{interval}s"
  flush_interval = "1s"
  metric_buffer_limit = 100000
  omit_hostname = true
  quiet = true
[[outputs.influxdb_v2]]
  urls = ["http://127.0.0.1:{sink}"]
  token = "bench"
  organization = "suanli"
  bucket = "suanli"
[[outputs.prometheus_client]]
  listen = "127.0.0.1:{listen}"
  collectors_exclude = ["gocollector", "process"]
"""


def program() -> Path | None:
    """The one that was built; None where there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    found = cache / "suanli" / f"telegraf-{_VERSION}"
    return found if os.access(found, os.X_OK) else None


def telegraf_cost(load: Load, folder: Path, port: int) -> Cost | None:
    """None where there is no Telegraf. Raises BenchError when its points do not come to the sink or to its page."""
    found = program()
    if found is None:
        return None
    sink, listen = free_ports(2)
    config = _write_config(load, folder, port=port, sink=sink, listen=listen)
    with (
        endpoints(load.sites, port, folder),
        listening("tests.benchmarks.sink", [str(sink)], folder),
        httpx.Client(trust_env=False, timeout=20) as client,
    ):

        def polls() -> int:
            if _series(client, listen) > len(POOLS) * load.sites:
                raise BenchError("Telegraf shows more pools than there are")
            return int(client.get(f"http://{address(0)}:{port}{COUNTS_PATH}").json()["polls"])

        with running("telegraf", [str(found), "--config", str(config)], folder) as child:
            await_(child, lambda: polls() >= 2 * load.sites, "two polls of every site")
            time.sleep(load.interval)
            cost = measured(child, load, polls)
            shown = _series(client, listen)
    if shown != len(POOLS) * load.sites:
        raise BenchError(f"Telegraf shows {shown} pools, not {len(POOLS) * load.sites}")
    return cost


def _series(client: httpx.Client, listen: int) -> int:
    """Pools on its page, as a scraper gets it."""
    return client.get(f"http://127.0.0.1:{listen}/metrics").text.count("\ncompute_deviceUp{")


def _write_config(load: Load, folder: Path, *, port: int, sink: int, listen: int) -> Path:
    turns = min(load.sites, load.interval * 1000 // _GRID_MS)
    urls = [f"http://{address(number)}:{port}{JSON_PATH}" for number in range(load.sites)]
    inputs = [
        _INPUT.format(urls=json.dumps(urls[turn::turns]), offset=turn * load.interval * 1000 // turns)
        for turn in range(turns)
    ]
    file = folder / "telegraf.conf"
    file.write_text(_REST.format(interval=load.interval, sink=sink, listen=listen) + "".join(inputs))
    return file
