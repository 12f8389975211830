"""What to ask a Prometheus that scrapes a well-known exporter: one profile an exporter, in devices.

`{label}` stands for the label that tells the pools apart, `{pod}` for the one that names the pod that holds a device.
A sum is 0 only where devices were seen; a query that finds no series leaves its rung unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_GPU = '__name__=~"DCGM_FI_DEV_(GPU_TEMP|GPU_UTIL|POWER_USAGE|FB_USED)"'
# MIG multiplies the series of a device, not its UUID.
_GPUS_ONLINE = f"count by ({{label}}) (count by (UUID, {{label}}) ({{{_GPU}}}))"
_GPUS_HELD = f'count by ({{label}}) (count by (UUID, {{label}}) ({{{_GPU}, {{pod}}!=""}}))'

_CARDS = (
    "(?i)((nvidia|amd|iluvatar|mthreads|metax_tech|birentech)_com_gpu|iluvatar_ai_gpu|huawei_com_ascend[0-9a-z]*"
    "|cambricon_com_mlu|hygon_com_dcu|enflame_com_gcu|kunlunxin_com_xpu)"
)
"""Resource names as kube-state-metrics writes them, in either case; parts of devices (MIG) are not counted."""
_ALLOCATABLE = f'kube_node_status_allocatable{{resource=~"{_CARDS}"}}'
_READY = 'max by (node) (kube_node_status_condition{condition="Ready", status="true"})'
_SCHEDULABLE = "(1 - max by (node) (kube_node_spec_unschedulable))"
_REQUESTED = f'kube_pod_container_resource_requests{{resource=~"{_CARDS}", node!=""}}'
_UNFINISHED = 'max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running|Unknown"} == 1)'
_PODS_ARE_TOLD = "count(kube_pod_container_resource_requests) and on () count(kube_pod_status_phase)"
"""Where either is not collected, nothing is known of what pods hold, and that is no 0."""

_SLURM_HELD = "sum by ({label}) (slurm_node_gpus_alloc)"


@dataclass(frozen=True, slots=True)
class Profile:
    """queries: a rung -> PromQL; held: that of `used`, where the exporter says which pod holds a device.

    label: what tells the pools apart, "" where nothing does. time: PromQL for when the exporter last told something.
    """

    queries: Mapping[str, str]
    label: str
    time: str
    held: str = ""

    def asked(self, label: str, pod: str) -> dict[str, str]:
        """The queries with their labels; `used` by the pods' label only where one is given."""
        queries = {**self.queries, **({"used": self.held} if self.held and pod else {})}
        return {rung: query.replace("{label}", label).replace("{pod}", pod) for rung, query in queries.items()}


PROFILES: dict[str, Profile] = {
    "dcgm": Profile(
        queries={
            "online": _GPUS_ONLINE,
            # Tensor cores are what the peak is made of; "some kernel ran" stands in where they are not told.
            "busy": "avg by (UUID, {label}) (DCGM_FI_PROF_PIPE_TENSOR_ACTIVE) "
            "or avg by (UUID, {label}) (DCGM_FI_DEV_GPU_UTIL) / 100",
        },
        held=f"{_GPUS_HELD} or 0 * {_GPUS_ONLINE}",
        label="modelName",
        time="max(timestamp(DCGM_FI_DEV_GPU_TEMP))",
    ),
    "npu-exporter": Profile(
        queries={
            "online": "sum by ({label}) (npu_chip_info_health_status == bool 1)",
            "busy": "npu_chip_info_utilization / 100",
        },
        label="model_name",
        time="max(timestamp(npu_chip_info_health_status))",
    ),
    "amd-smi": Profile(
        queries={
            "online": 'sum by ({label}) (max by (gpu_uuid, {label}) ({__name__=~"(amd_)?gpu_health"} == bool 1))',
            # A partitioned device tells its activity in its first partition, and zeros in the others.
            "busy": 'avg by (gpu_uuid, {label}) ({__name__=~"(amd_)?gpu_gfx_activity", gpu_partition_id=~"0?"}) / 100',
        },
        held='sum by ({label}) (max by (gpu_uuid, {label}) ({__name__=~"(amd_)?gpu_health", {pod}!=""} * 0 + 1)) '
        'or 0 * sum by ({label}) ({__name__=~"(amd_)?gpu_health"})',
        label="card_model",
        time='max(timestamp({__name__=~"(amd_)?gpu_health"}))',
    ),
    "kube-state-metrics": Profile(
        queries={
            "online": f"sum by ({{label}}) ({_ALLOCATABLE} * on (node) group_left () ({_READY} * {_SCHEDULABLE}))",
            "used": f"sum by ({{label}}) ({_REQUESTED} * on (namespace, pod) group_left () {_UNFINISHED}) "
            f"or 0 * sum by ({{label}}) ({_ALLOCATABLE}) and on () {_PODS_ARE_TOLD}",
        },
        label="resource",
        time="max(timestamp(kube_node_status_allocatable))",
    ),
    "slurm-exporter": Profile(
        queries={"online": "sum(slurm_gpus_alloc) + sum(slurm_gpus_idle)", "used": "sum(slurm_gpus_alloc)"},
        label="",
        time="max(timestamp(slurm_gpus_alloc))",
    ),
    "slurm-openmetrics": Profile(
        # No series tells devices and the state of their node. A cluster that does not track its devices says 0 of all.
        queries={"used": f"{_SLURM_HELD} > 0 or {_SLURM_HELD} and sum by ({{label}}) (slurm_node_gpus) > 0"},
        label="",
        time="max(timestamp(slurm_node_gpus_alloc))",
    ),
}
