"""The table of sites."""

from __future__ import annotations

from dashboards.parts import query
from dashboards.parts.language import Say
from dashboards.parts.look import AGE, COUNT, PFLOPS, RATIO, SECONDS, Look, site_states, site_statuses
from dashboards.parts.panels import About, Panel
from dashboards.parts.table import Label, Number, site_table

_POWER = Look(PFLOPS, 1)
_RATE = Look(RATIO, 1)


def table(say: Say) -> Panel:
    text = say(
        "每站一行。站点的两率为其各资源池先求和再相除,只对应报站点计算;没有数据的格显示“未知”,不是 0。"
        "距今为最近一次成功轮询至今的秒数。",
        "One row a site. A site's rates are ratios of sums over its pools, for expected sites only; "
        "a cell without data says “unknown”, never 0. Age: seconds since the last successful poll.",
    )
    about = About(14, say("站点明细", "Sites"), text)
    columns: list[Label | Number] = [*_names(say), *_numbers(say), *_health(say)]
    return site_table(about, query.site_names(), columns, say, sort=_built(say))


def _names(say: Say) -> list[Label]:
    return [
        Label("site", say("编号", "Id")),
        Label("name", say("名称", "Name"), wide=150),
        Label("province", say("省份", "Province")),
        Label("operator", say("运营方", "Operator"), wide=120),
        Label("status", say("状态", "Status"), Look(COUNT, 0, words=site_statuses(say))),
    ]


def _numbers(say: Say) -> list[Number]:
    return [
        Number(query.site_sum("built"), _built(say), _POWER),
        Number(query.site_sum("online"), say("上线", "Online"), _POWER),
        Number(query.site_sum("used"), say("使用", "Used"), _POWER),
        Number(query.site_ratio("online"), say("上线率", "Online-rate"), _RATE),
        Number(query.site_ratio("usage"), say("使用率", "Usage-rate"), _RATE),
    ]


def _health(say: Say) -> list[Number]:
    return [
        Number(query.site_up(), say("通信", "Up"), Look(COUNT, 0, words=site_states(say))),
        Number(query.site_age(), say("距今", "Age"), Look(SECONDS, 0, AGE)),
    ]


def _built(say: Say) -> str:
    return say("已建成", "Built")
