"""The dialect of each kind of source that the city speaks."""

from __future__ import annotations

from suanli.demo.city import Kind
from suanli.demo.dialects.base import Dialect
from suanli.demo.dialects.kubernetes import Kubernetes
from suanli.demo.dialects.local import Program, Tables
from suanli.demo.dialects.modelarts import Modelarts
from suanli.demo.dialects.openstack import Openstack
from suanli.demo.dialects.pai import Pai
from suanli.demo.dialects.portal import Portal
from suanli.demo.dialects.prometheus import Prometheus
from suanli.demo.dialects.ray import Ray
from suanli.demo.dialects.redfish import Redfish
from suanli.demo.dialects.runai import Runai
from suanli.demo.dialects.slurm import Slurm

DIALECTS: dict[Kind, type[Dialect]] = {
    "slurm": Slurm,
    "prometheus": Prometheus,
    "http_json": Portal,
    "kubernetes": Kubernetes,
    "openstack": Openstack,
    "modelarts": Modelarts,
    "pai": Pai,
    "redfish": Redfish,
    "ray": Ray,
    "runai": Runai,
    "exec": Program,
    "file": Tables,
}
