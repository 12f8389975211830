"""Small registries and stores for tests: sites as a file would say them, in a database of their own."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from suanli.catalog.accelerators import Accelerators, load_accelerators
from suanli.config import Config
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.store.plan import plan
from suanli.store.sql import Store
from tests.suanli.engines import chosen, made

ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_795_500_000  # 2026-11-24T06:00:00Z
MAX_AGE = 180
A100 = "nvidia-a100-sxm4-80gb"

SITES_YAML = """\
sites:
  - id: wh-1
    name: 芜湖一号
    province: 安徽
    operator: 示例运营方
    source: {kind: http_json, url: "https://portal.example/", settings: {fields: {online: up}}}
    pools:
      - id: a100
        model: nvidia-a100-sxm4-80gb
        capacity:
          - {from: 2024-03-01, stage: planned, devices: 2048, source: 立项批复}
          - {from: 2024-09-01, stage: built, devices: 1000, source: 验收报告}
  - id: wh-2
    name: 芜湖二号
    province: 安徽
    operator: 另一运营方
    pools:
      - id: h800
        model: nvidia-h800-sxm5-80gb
        capacity:
          - {from: 2024-09-01, stage: built, pflops: 100, source: 验收报告}
"""


def a_pool(id_: str = "p", *capacity: dict[str, Any], model: str = A100, **more: Any) -> dict[str, Any]:
    return {"id": id_, "model": model, "capacity": list(capacity), **more}


def built(pflops: float | None = None, since: date | datetime = date(2024, 1, 1), **more: Any) -> dict[str, Any]:
    amount = {} if pflops is None else {"pflops": float(pflops)}
    return {"from": since, "stage": "built", "source": "acceptance", **amount, **more}


def a_site(id_: str = "s", *pools: dict[str, Any], **more: Any) -> Site:
    plain = {"id": id_, "name": f"site {id_}", "province": "安徽", "operator": "op"}
    return Site.model_validate(plain | {"pools": list(pools) or [a_pool("p", built(100.0))]} | more)


def a_sample(
    at: int, online: float | None = None, used: float | None = None, *, site: str = "s", pool: str = "p", **more: Any
) -> Sample:
    plain = {"site": site, "pool": pool, "at": at, "source_at": at, "fetched_at": at}
    return Sample.model_validate(plain | {"online_pflops": online, "used_pflops": used} | more)


@cache
def _empty() -> Path:
    """A migrated, empty database, made once: a copy of it is quicker than a migration."""
    file = Path(tempfile.mkdtemp(prefix="suanli-empty-")) / "empty.db"
    Store(f"sqlite:///{file}").close()
    return file


def database(folder: Path) -> str:
    """The address of a new, migrated database: in this folder, unless they are made elsewhere now."""
    return made(folder, _file)


def _file(folder: Path) -> str:
    file = folder / "suanli.db"
    shutil.copyfile(_empty(), file)
    return f"sqlite:///{file}"


class Clock:
    """A store's clock that stands still at `at` (UTC seconds) until it is set."""

    def __init__(self, at: float = T0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def open_store(url: str, clock: Callable[[], float] = time.time) -> Store:
    return Store(url, clock)


def register(store: Store, *sites: Site, now: int = T0 - 10_000, catalogue: Accelerators | None = None) -> list[str]:
    """Apply these sites; the texts of what was changed."""
    changes = plan(store.registry, list(sites), ZONE, catalogue or load_accelerators())
    if changes:
        store.apply(changes, now)
    return [change.text for change in changes]


@contextmanager
def a_store(*sites: Site, folder: Path | None = None, clock: Callable[[], float] = time.time) -> Iterator[Store]:
    """A store of its own with these sites registered."""
    with tempfile.TemporaryDirectory(prefix="suanli-test-") as made_for_it:
        url = database(folder or Path(made_for_it))
        store = open_store(url, clock)
        try:
            register(store, *sites)
            yield store
        finally:
            store.close()
            if databases := chosen():
                databases.give_back(url)


def config(**values: Any) -> Config:
    return Config.model_validate(values)


def utc(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


def local(day: date) -> int:
    """Its midnight in the configured zone, worked out by hand: Shanghai is eight hours ahead since 1992."""
    return utc(day.year, day.month, day.day) - 8 * 3600


# ---------------------------------------------------------------- generated registries

texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), min_size=1, max_size=12)
ids = st.text("ab9", min_size=1, max_size=4) | st.sampled_from(["a-1", "0", "z" * 63])
days = st.dates(date(1995, 1, 1), date(2060, 12, 31))
moments = days | st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1)).map(  # noqa: DTZ001 - naive is in the zone
    lambda moment: moment.replace(microsecond=0)
)
amounts = st.one_of(
    st.fixed_dictionaries({"devices": st.integers(0, 10_000_000)}),
    st.fixed_dictionaries({"pflops": st.floats(0, 1e6)}),
)


@st.composite
def capacities(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Entries that do not overlap, in any order; some ends are open, some are written."""
    entries: list[dict[str, Any]] = []
    for stage in draw(st.lists(st.sampled_from(["planned", "built", "retired"]), unique=True)):
        starts = draw(st.lists(days, min_size=1, max_size=3, unique=True).map(sorted))
        for start, following in zip(starts, [*starts[1:], None], strict=True):
            end = draw(st.sampled_from([None, following]))
            plain = {"stage": stage, "source": draw(texts), "from": start, "until": end}
            reason = draw(st.sampled_from(["new", "repair-return", "retirement", "correction", "re-rating"]))
            entries.append(plain | draw(amounts) | {"reason": reason})
    return draw(st.permutations(entries))


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    match = draw(st.none() | st.fixed_dictionaries({"label": texts, "value": texts}))
    return {
        "id": draw(ids),
        "model": draw(st.sampled_from([row.id for row in load_accelerators().rows])),
        "basis": draw(st.sampled_from(["fp16", "fp32", "fp64"])),
        "match": match,
        "capacity": draw(capacities()),
    }


sources = st.fixed_dictionaries(
    {"kind": st.just("http_json"), "url": st.just("https://api.example/v1")},
    optional={
        "interval": st.sampled_from(["10s", "1m", "90s", "2h"]),
        "max_age": st.sampled_from(["5m", "1d"]),
        "auth": st.just({"kind": "bearer", "token": {"env": "SOME_TOKEN"}}),
        "tls": st.just({"ca": "/etc/ca.pem"}),
        "settings": st.dictionaries(texts, texts | st.integers() | st.booleans() | st.lists(texts, max_size=2)),
    },
)


@st.composite
def sites(draw: st.DrawFn, id_: str | None = None) -> Site:
    found = draw(st.lists(pools(), max_size=2, unique_by=lambda pool: str(pool["id"])))
    starts = [entry["from"] for pool in found for entry in pool["capacity"] if entry["stage"] == "built"]
    return Site.model_validate(
        {
            "id": id_ or draw(ids),
            "name": draw(texts),
            "province": draw(texts),
            "operator": draw(texts),
            "status": draw(st.sampled_from(["planned", "building", "operational", "maintenance", "retired"])),
            "since": draw(st.sampled_from([None, min(starts, default=date(2024, 1, 1))])),
            "source": draw(st.none() | sources),
            "pools": found,
        }
    )
