"""The classic JSON of a board, strictly: what Grafana 9.4 (schemaVersion 37) and later ones read, and no key more."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Reference(Strict):
    type: Literal["prometheus", "influxdb"]
    uid: Literal["${DS_PROM}", "${DS_INFLUX}"]


class PromTarget(Strict):
    refId: Annotated[str, Field(pattern="^[A-Z]$")]
    datasource: Reference
    expr: Annotated[str, Field(min_length=3)]
    editorMode: Literal["code"]
    legendFormat: str = ""
    instant: bool
    range: bool
    format: Literal["table"] = "table"


class InfluxTarget(Strict):
    refId: Annotated[str, Field(pattern="^[A-Z]$")]
    datasource: Reference
    query: Annotated[str, Field(min_length=3)]
    rawQuery: Literal[True]
    resultFormat: Literal["time_series", "table"]
    alias: str = ""


class Step(Strict):
    color: str
    value: float | None


class Thresholds(Strict):
    mode: Literal["absolute"]
    steps: Annotated[list[Step], Field(min_length=1)]


class Color(Strict):
    mode: Literal["thresholds", "palette-classic", "fixed"]
    fixedColor: str = ""


class Result(Strict):
    text: str
    color: str
    index: int


class ValueMapping(Strict):
    type: Literal["value"]
    options: dict[str, Result]


class Special(Strict):
    match: Literal["null+nan"]
    result: Result


class SpecialMapping(Strict):
    type: Literal["special"]
    options: Special


class Link(Strict):
    title: str
    url: Annotated[str, Field(pattern=r"^/d/suanli-[a-z-]+\?var-[a-z]+=\$\{__.*&\$\{__url_time_range\}$")]


class Custom(Strict):
    drawStyle: Literal["line"] = "line"
    lineWidth: int = 1
    fillOpacity: int = 0
    showPoints: Literal["auto"] = "auto"
    spanNulls: Literal[False] = False
    minWidth: int = 90
    filterable: bool = False


class Defaults(Strict):
    unit: str
    decimals: int
    color: Color
    thresholds: Thresholds
    mappings: list[ValueMapping | SpecialMapping]
    noValue: str
    links: list[Link] = []
    min: float | None = None
    max: float | None = None
    custom: Custom = Custom()


class Matcher(Strict):
    id: Literal["byName", "byFrameRefID"]
    options: str


class Property(Strict):
    id: Literal[
        "unit",
        "decimals",
        "color",
        "thresholds",
        "mappings",
        "links",
        "displayName",
        "custom.minWidth",
        "custom.displayMode",
        "custom.lineStyle",
        "custom.lineWidth",
    ]
    value: Any


class Override(Strict):
    matcher: Matcher
    properties: Annotated[list[Property], Field(min_length=1)]


class FieldConfig(Strict):
    defaults: Defaults
    overrides: list[Override]


class Place(Strict):
    x: int
    y: int
    w: int
    h: int


class Transformation(Strict):
    id: Literal["joinByField", "organize"]
    options: dict[str, Any]


class Panel(Strict):
    id: Annotated[int, Field(gt=0)]
    type: Literal["stat", "gauge", "bargauge", "timeseries", "table", "state-timeline", "text"]
    title: Annotated[str, Field(min_length=1)]
    description: Annotated[str, Field(min_length=6)]
    datasource: Reference
    targets: list[PromTarget | InfluxTarget]
    fieldConfig: FieldConfig
    options: dict[str, Any]
    gridPos: Place
    transformations: list[Transformation] = []
    timeFrom: str = ""
    interval: str = ""
    hideTimeOverride: bool = False


class Range(Strict):
    from_: str = Field(alias="from")
    to: Literal["now"]


class Annotation(Strict):
    name: str
    datasource: Reference
    enable: bool
    hide: bool
    iconColor: str
    expr: str
    step: str
    titleFormat: str
    textFormat: str
    tagKeys: str
    useValueForTime: bool


class BoardLink(Strict):
    type: Literal["link"]
    title: str
    url: Annotated[str, Field(pattern="^/d/suanli-[a-z-]+$")]
    icon: Literal["dashboard"]
    tooltip: str
    tags: list[str]
    asDropdown: bool
    includeVars: bool
    keepTime: Literal[True]
    targetBlank: bool


class Variable(Strict):
    name: str
    label: str
    type: Literal["datasource", "query", "custom"]
    query: str | dict[str, str]
    current: dict[str, Any]
    hide: int
    includeAll: bool
    multi: Literal[False]
    options: list[dict[str, Any]]
    skipUrlSync: bool
    refresh: int = 0
    regex: str = ""
    sort: int = 0
    datasource: Reference | None = None
    definition: str = ""
    allValue: str | None = None


class Listed(Strict):
    list: list[Annotation]


class Templating(Strict):
    list: list[Variable]


class Board(Strict):
    id: None
    uid: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
    title: Annotated[str, Field(min_length=1)]
    description: str
    tags: list[str]
    schemaVersion: Literal[37]
    version: int
    editable: bool
    graphTooltip: int
    timezone: Literal["browser"]
    time: Range
    refresh: str
    annotations: Listed
    links: list[BoardLink]
    templating: Templating
    panels: Annotated[list[Panel], Field(min_length=1)]
