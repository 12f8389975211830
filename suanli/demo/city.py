"""The city as data: ten sites, their pools, and how each usually does. Places and operators are invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from suanli.catalog.accelerators import Accelerator, load_accelerators
from suanli.model.units import CANONICAL_BASIS

Kind = Literal[
    "slurm",
    "prometheus",
    "http_json",
    "kubernetes",
    "openstack",
    "modelarts",
    "pai",
    "redfish",
    "ray",
    "runai",
    "exec",
    "file",
]
ONLINE_RATIO = 0.880
USAGE_RATIO = 0.598
"""The published rates that the opening state reproduces (docs/definitions.md)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """So many nodes in all were built and accepted from this day."""

    since: date
    nodes: int
    source: str


@dataclass(frozen=True, slots=True)
class Planned:
    """So many devices are announced beyond what is built."""

    since: date
    devices: int
    source: str


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """One model in one site. name: what the site's own API calls it. online, usage: the rates it usually has."""

    id: str
    model: str
    name: str
    per_node: int
    online: float
    usage: float
    accepted: tuple[Accepted, ...]
    planned: Planned | None = None

    @property
    def nodes(self) -> int:
        return self.accepted[-1].nodes

    @property
    def devices(self) -> int:
        return self.nodes * self.per_node

    @property
    def vendor(self) -> str:
        return _row(self.model).vendor

    @property
    def product(self) -> str:
        """The model as its vendor sells it."""
        return f"{self.vendor} {_row(self.model).name}"

    @property
    def peak_pflops(self) -> float:
        """Of one device, as the catalogue has it."""
        peak = _row(self.model).peak_pflops(CANONICAL_BASIS)
        if peak is None:
            raise LookupError(f"the catalogue has no {CANONICAL_BASIS} peak of {self.model}")
        return peak


@dataclass(frozen=True, slots=True)
class SitePlan:
    """One site and the dialect that its API speaks. second: that of another API of the same devices."""

    id: str
    name: str
    province: str
    operator: str
    kind: Kind
    pools: tuple[PoolPlan, ...]
    second: Kind | None = None


def _row(model: str) -> Accelerator:
    row = load_accelerators().find(model)
    if row is None:
        raise LookupError(f"the catalogue has no {model}")
    return row


def _since(year: int, month: int, nodes: int, source: str) -> Accepted:
    return Accepted(date(year, month, 1), nodes, source)


CITY: tuple[SitePlan, ...] = (
    SitePlan("yh-szai-1", "云淮智算中心一期", "安徽", "示例运营方甲", "slurm", (
        PoolPlan("h800", "nvidia-h800-sxm5-80gb", "h800", 8, 0.93, 0.70, (
            _since(2023, 11, 24, "验收报告 2023-41"), _since(2024, 6, 48, "验收报告 2024-17"))),
        PoolPlan("a100", "nvidia-a100-sxm4-80gb", "a100", 8, 0.92, 0.72, (_since(2023, 5, 32, "验收报告 2023-08"),)),
    ), "exec"),
    SitePlan("yh-szai-2", "云淮智算中心二期", "安徽", "示例运营方甲", "kubernetes", (
        PoolPlan("a800", "nvidia-a800-sxm4-80gb", "NVIDIA-A800-SXM4-80GB", 8, 0.97, 0.66, (
            _since(2024, 3, 64, "验收报告 2024-06"), _since(2025, 1, 96, "验收报告 2025-02"))),
    )),
    SitePlan("yh-ascend", "云淮人工智能计算中心", "安徽", "示例运营方乙", "prometheus", (
        PoolPlan("ascend-910b3", "huawei-ascend-910b3", "Ascend910B3", 8, 0.90, 0.62, (
            _since(2024, 4, 88, "验收报告 2024-11"),)),
    ), "http_json"),
    SitePlan("yh-ascend-west", "云淮西区昇腾创新园", "安徽", "示例运营方乙", "modelarts", (
        PoolPlan("ascend-910b2", "huawei-ascend-910b2", "huawei.com/ascend-snt9b", 16, 0.71, 0.45, (
            _since(2025, 2, 24, "验收报告 2025-05"),), Planned(date(2025, 3, 1), 768, "立项批复 2025-03")),
    )),
    SitePlan("yh-univ", "云淮大学科研算力平台", "安徽", "示例运营方丙", "ray", (
        PoolPlan("a100-40g", "nvidia-a100-sxm4-40gb", "A100", 8, 0.94, 0.83, (
            _since(2023, 2, 24, "验收报告 2023-02"),)),
    ), "redfish"),
    SitePlan("yh-port", "云淮港智算云", "安徽", "示例运营方丁", "pai", (
        PoolPlan("h20", "nvidia-h20-96gb", "H20", 8, 0.88, 0.43, (
            _since(2024, 9, 128, "验收报告 2024-29"),), Planned(date(2025, 4, 1), 768, "立项批复 2025-09")),
    )),
    SitePlan("yh-xinchuang", "云淮信创算力中心", "安徽", "示例运营方戊", "http_json", (
        PoolPlan("c500", "metax-c500-pcie", "MXC500", 8, 0.86, 0.52, (_since(2024, 12, 64, "验收报告 2024-38"),)),
        PoolPlan("mlu370", "cambricon-mlu370-x8", "MLU370-X8", 8, 0.85, 0.45, (
            _since(2023, 9, 40, "验收报告 2023-30"),)),
    ), "file"),
    SitePlan("yh-infer", "云淮推理算力中心", "安徽", "示例运营方己", "openstack", (
        PoolPlan("l40s", "nvidia-l40s", "CUSTOM_GPU_L40S", 8, 0.91, 0.38, (_since(2024, 8, 48, "验收报告 2024-25"),)),
    )),
    SitePlan("nx-partner", "宁夏伙伴智算集群", "宁夏", "示例运营方甲", "prometheus", (
        PoolPlan("h800", "nvidia-h800-sxm5-80gb", "NVIDIA H800", 8, 0.87, 0.64, (
            _since(2024, 5, 40, "验收报告 2024-14"), _since(2025, 3, 56, "验收报告 2025-07"))),
    ), "http_json"),
    SitePlan("js-partner", "江苏伙伴联合实验室", "江苏", "示例运营方庚", "runai", (
        PoolPlan("a800", "nvidia-a800-sxm4-80gb", "a800", 8, 0.83, 0.55, (_since(2023, 12, 80, "验收报告 2023-44"),)),
    )),
)  # fmt: skip
