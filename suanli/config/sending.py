"""Where points are pushed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from suanli.config.base import STRICT
from suanli.model.message import Message
from suanli.model.secret import SecretRef


class SinkConfig(BaseModel):
    """A time-series database that takes line protocol: InfluxDB 2 (org, bucket, token) or VictoriaMetrics."""

    model_config = STRICT
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    kind: Literal["influxdb", "victoriametrics"]
    url: str = Field(pattern=r"^https?://[^\s@]+$")
    org: str = ""
    bucket: str = ""
    token: SecretRef | None = None

    @model_validator(mode="after")
    def _complete(self) -> SinkConfig:
        if self.kind == "influxdb" and not (self.org and self.bucket and self.token):
            raise ValueError(Message("a sink of kind influxdb needs org, bucket and token"))
        return self
