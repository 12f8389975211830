"""Holds devices of a running cluster until it is killed: actors, one with a part of a device, and a placement group."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import ray  # type: ignore[import-not-found] # of Ray's own environment
from ray.util.placement_group import placement_group  # type: ignore[import-not-found] # as above


class Holder:
    """An actor that does nothing."""

    def holds(self) -> bool:
        return True


ray.init(address="127.0.0.1:6379")
WANTED = [{"num_gpus": 1, "resources": {"accelerator_type:A100": 0.001}}] * 3
WANTED += [{"num_gpus": 0.5, "resources": {"accelerator_type:A100": 0.001}}]
WANTED += [{"num_gpus": 1, "resources": {"accelerator_type:H100": 0.001}}] * 2 + [{"resources": {"NPU": 3}}]
ACTOR: Any = ray.remote(num_cpus=0)(Holder)
KEPT = [ACTOR.options(**wanted).remote() for wanted in WANTED]
ray.get([one.holds.remote() for one in KEPT])
ray.get(placement_group([{"GPU": 2, "accelerator_type:A100": 0.001}]).ready())
Path(sys.argv[1]).touch()
time.sleep(3600)
