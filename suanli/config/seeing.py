"""The Grafana into which `suanli grafana push` puts the boards. Nothing else reads this part."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from suanli.config.base import STRICT
from suanli.model.message import Message
from suanli.model.secret import SecretRef
from suanli.model.text import PLAIN
from suanli.model.units import Duration

_Uid = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
_Url = Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$")]


class GrafanaFolderConfig(BaseModel):
    """Where the boards go; made where it is missing."""

    model_config = STRICT
    uid: _Uid
    title: Annotated[str, Field(pattern=PLAIN, max_length=189)]


class GrafanaSourceConfig(BaseModel):
    """A data source: one that is there already, by its uid, or one to be made, by the address that Grafana asks.

    database and token: of an InfluxDB that is to be made.
    """

    model_config = STRICT
    uid: _Uid | None = None
    url: _Url | None = None
    database: str | None = None
    token: SecretRef | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> GrafanaSourceConfig:
        if (self.uid is None) == (self.url is None):
            raise ValueError(Message("expected uid, of a data source that is there, or url, of one to be made"))
        if self.uid is not None and (self.database or self.token):
            raise ValueError(Message("database and token belong to a data source that is to be made: write its url"))
        return self


class GrafanaConfig(BaseModel):
    """url: with the path under which Grafana is served. ca: the file of its certificate's authority.

    prometheus, influxdb: the data sources that the boards ask; left out, those of the boards' own uid must be there.
    """

    model_config = STRICT
    url: _Url
    token: SecretRef | None = None
    folder: GrafanaFolderConfig | None = None
    ca: Annotated[str, Field(min_length=1)] | None = None
    timeout: Duration = 10
    prometheus: GrafanaSourceConfig | None = None
    influxdb: GrafanaSourceConfig | None = None
