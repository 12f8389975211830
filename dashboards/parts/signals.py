"""The PromQL about what is known of the data, the pools' way to being online, alerts, and Suanli itself.

No rate is made here: these are counts, seconds, bytes, and differences in PFLOPS.
"""

from __future__ import annotations

from dashboards.parts.promql import MOST, total
from dashboards.parts.terms import BASIS, Group

_SITE = '{site="$site"}'
_STAGES = f'{{basis="{BASIS}"}}'
_RUNGS = "suanli_site_used_pflops", "suanli_site_online_pflops"


# ---------------------------------------------------------------- data


def quarantined(window: str = "1h") -> str:
    """How many samples and figures went to quarantine within the window, by check."""
    return f"sum by (reason) (increase(suanli_quarantined_samples_total[{window}]))"


def findings() -> str:
    """Findings that are open, by check."""
    return "max by (check) (suanli_findings)"


def pools_by_quality() -> str:
    """How many pools are heard, by the quality of their last word."""
    return "max by (quality) (suanli_pools_by_quality)"


def suspects() -> str:
    """The suspect pools, MOST at most."""
    return f"topk({MOST}, max by (site, pool) (suanli_pool_suspect))"


def suspect_of_site() -> str:
    """How many pools of the chosen site are suspect; 0 where it is registered and none is."""
    return f"sum(max by (site, pool) (suanli_pool_suspect{_SITE})) or 0 * max(suanli_site_info{_SITE})"


def disagreements() -> str:
    """Where two signals are furthest apart, by how many PFLOPS, whichever of them is higher."""
    return f"topk({MOST}, abs(max by (site, pool, rung) (suanli_site_disagreement_pflops)))"


def disagreement_of_site() -> str:
    """The second signal less the source, summed by rung."""
    return f"sum by (rung) (max by (site, pool, rung) (suanli_site_disagreement_pflops{_SITE}))"


def cross_checks() -> str:
    """Second signals that answered last time, and those that are asked: `up` of `asked`."""
    return "sum(max by (site) (suanli_site_cross_check_up))"


def cross_checks_asked() -> str:
    return "count(max by (site) (suanli_site_cross_check_up))"


def used_above_online() -> str:
    """Pools that tell more used than online, and by how many PFLOPS."""
    used, online = (f"max by (site, pool) ({name})" for name in _RUNGS)
    return f"topk({MOST}, ({used} - {online}) > 1e-6)"


def in_maintenance() -> str:
    """How many sites are inside an approved window; 0 when none is."""
    return "sum(max by (site) (suanli_site_maintenance)) or 0 * count(suanli_site_info)"


# ---------------------------------------------------------------- stages


def waiting_pools() -> str:
    """Pools that wait in a stage, by stage."""
    return f"max by (stage) (suanli_commissioning_waiting_pools{_STAGES})"


def waiting_power() -> str:
    return f"max by (stage) (suanli_commissioning_waiting_pflops{_STAGES})"


def median_days() -> str:
    return f"max by (stage) (suanli_commissioning_median_days{_STAGES})"


def longest_days() -> str:
    return f"max by (stage) (suanli_commissioning_longest_days{_STAGES})"


def longest_waiting() -> str:
    """The pools that wait longest, with their site and stage."""
    return f"topk({MOST}, max by (site, pool, stage) (suanli_pool_waiting_days))"


def not_online(by: Group = "") -> str:
    """What is built and heard and not online, in PFLOPS: a silent pool may be online, and is not counted."""
    return f"{total('heard', by=by)} - {total('online', by=by)}"


def silent() -> str:
    """What is built and was not heard."""
    return f"{total('built')} - ({total('heard')} or 0 * {total('built')})"


# ---------------------------------------------------------------- alerts


def alerts() -> str:
    """The alerts that fire, MOST at most."""
    labels = "alert, severity, scope, metric, basis, site, sink"
    return f"topk({MOST}, max by ({labels}) (suanli_alert_firing) == 1)"


def alerts_by_severity() -> str:
    """How many alerts fire, also while they recover; 0 where none does."""
    return 'sum by (severity) (max by (severity, state) (suanli_alerts{state=~"firing|recovering"}))'


def notifications() -> str:
    return "max by (channel) (suanli_notifications_pending)"


def notifications_failed() -> str:
    return "sum by (channel) (increase(suanli_notifications_failed_total[1h]))"


# ---------------------------------------------------------------- Suanli itself


def polls() -> str:
    """Polls a second, by result."""
    return "sum by (result) (rate(suanli_site_polls_total[$__rate_interval]))"


def polls_of_site() -> str:
    return f"sum by (result) (rate(suanli_site_polls_total{_SITE}[$__rate_interval]))"


def poll_seconds(share: float) -> str:
    """Below how many seconds this share of the polls stayed."""
    buckets = "sum by (le) (rate(suanli_poll_duration_seconds_bucket[$__rate_interval]))"
    return f"histogram_quantile({share}, {buckets})"


def sink_lag() -> str:
    return "max by (sink) (suanli_sink_lag_seconds)"


def sink_pending() -> str:
    return "max by (sink) (suanli_sink_pending_samples)"


def sink_refused() -> str:
    return "sum by (sink) (increase(suanli_sink_rejected_samples_total[1h]))"


def memory() -> str:
    """Of each process of Suanli: of those that say what they are built of."""
    return "process_resident_memory_bytes and on (instance, job) suanli_build_info"


def processors() -> str:
    """Processor seconds a second, of each process of Suanli."""
    return "rate(process_cpu_seconds_total[$__rate_interval]) and on (instance, job) suanli_build_info"


def store_free() -> str:
    return "min(suanli_store_free_bytes)"


def store_size() -> str:
    return "max(suanli_store_size_bytes)"


def versions() -> str:
    return "count by (version) (suanli_build_info)"
