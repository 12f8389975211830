"use strict";
// The page shows what /api/v1 says and computes no figure of its own.

const WORDS = {
  zh: {
    title: "算力监测", language: "English", unknown: "未知", at: "数据时刻", stopped: "无法取得数据，画面停在", heard: "在报站点",
    online_ratio: "上线率", usage_ratio: "使用率", coverage_ratio: "覆盖率", national: "全国平均", above: "高出", below: "低于", points: "个百分点",
    between: "未报站点按全空至全满计", planned_pflops: "规划", built_pflops: "已建成", online_pflops: "上线", used_pflops: "使用",
    site: "站点", operator: "运营方", state: "状态", age: "距今", ok: "正常", silent: "未知", partial: "部分可读", suspect: "存疑", estimated: "估算", declared: "申报",
    not_counted: "不计入", seconds: "秒",
    alerts: "告警", severity: "级别", what: "内容", since: "起始时刻", stake: "涉及", known: "确认", firing: "● 触发", recovering: "◑ 恢复中", pending: "○ 待触发", cannot_judge: "？ 无法判断",
    held: "数据未知，保持触发", critical: "严重", warning: "警告", info: "提示", acknowledged: "✓ 已确认：", unacknowledged: "未确认", no_alerts: "✓ 没有触发、待触发或无法判断的告警", never_looked: "？ 尚未检查过告警",
    not_looked: "？ 此后无人检查告警：", more: "…… 其余见 suanli alerts list",
    footer: "P = PFLOPS，稠密 FP16 理论峰值。上线率 = 上线之和 ÷ 已建成之和；使用率 = 使用之和 ÷ 上线之和。未知不等于零。",
  },
  en: {
    title: "Computing power", language: "中文", unknown: "unknown", at: "as of", stopped: "no data can be had; the page stands at", heard: "sites heard",
    online_ratio: "Online-rate", usage_ratio: "Usage-rate", coverage_ratio: "Coverage", national: "national average", above: "above by", below: "below by", points: "points",
    between: "with silent sites empty to full", planned_pflops: "Planned", built_pflops: "Built", online_pflops: "Online", used_pflops: "Used",
    site: "Site", operator: "Operator", state: "State", age: "Age", ok: "ok", silent: "unknown", partial: "partial", suspect: "suspect", estimated: "estimated", declared: "declared",
    not_counted: "not counted", seconds: "s",
    alerts: "Alerts", severity: "Severity", what: "What", since: "Since", stake: "At stake", known: "Known to", firing: "● firing", recovering: "◑ recovering", pending: "○ pending", cannot_judge: "? cannot be judged",
    held: "unknown now, so it stays on", critical: "critical", warning: "warning", info: "info", acknowledged: "✓ acknowledged: ", unacknowledged: "not acknowledged", no_alerts: "✓ nothing fires, is about to, or cannot be judged", never_looked: "? alerts were never looked at",
    not_looked: "? nobody has looked at alerts since", more: "... the others by suanli alerts list",
    footer: "P = PFLOPS, dense FP16, theoretical peak. Online-rate = sum online / sum built; usage-rate = sum used / sum online. Unknown is not zero.",
  },
};
const EVERY_MS = 5000;
const LOOKED_AT_WITHIN_MS = 600000;
const ALERTS_SHOWN = 50;
const STATES = ["firing", "recovering", "pending", "unknown"];
const SEVERITIES = ["critical", "warning", "info"];
let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let shown = null;

const word = (key) => WORDS[language][key] ?? key;
const percent = (value) => (value === null ? word("unknown") : `${(value * 100).toFixed(1)} %`);
const pflops = (value) => (value === null ? word("unknown") : `${value.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} P`);

function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function rateCard(fleet, benchmarks, metric) {
  const card = element("article", "", "card");
  card.append(element("h2", word(metric)), element("div", percent(fleet[metric]), "big"));
  if (fleet[metric] !== null) {
    const bar = document.createElement("progress");
    bar.value = Math.min(1, fleet[metric]);
    card.append(bar);
  }
  for (const one of benchmarks.filter((b) => b.metric === metric)) {
    const line = element("div", `${word("national")} ${percent(one.value)} `, "beside");
    line.title = one.source;
    if (one.delta !== null) {
      const better = one.delta >= 0;
      line.append(element("span", `${better ? "▲" : "▼"} ${word(better ? "above" : "below")} ${Math.abs(one.delta * 100).toFixed(1)} ${word("points")}`, better ? "up" : "down"));
    }
    card.append(line);
  }
  const [low, high] = [fleet[`${metric}_low`], fleet[`${metric}_high`]];
  if (low !== undefined && low !== null && high - low > 5e-5) {
    card.append(element("div", `${percent(low)} – ${percent(high)} (${word("between")})`, "beside"));
  }
  if (metric === "coverage_ratio") card.append(element("div", `${word("heard")} ${fleet.sites_heard} / ${fleet.sites_expected}`, "beside"));
  return card;
}

function sumCard(fleet, key) {
  const card = element("article", "", "card");
  card.append(element("h2", word(key)), element("div", pflops(fleet[key]), "big"));
  return card;
}

function stateOf(group) {
  if (group.sites_expected === 0) return word("not_counted");
  if (group.sites_heard === 0) return word("silent");
  return word(group.quality);
}

function siteRow(group, names) {
  const row = document.createElement("tr");
  if (group.sites_heard < group.sites_expected) row.className = "silent";
  const site = names.get(group.site);
  const failing = site && site.up === false ? ` (${site.last_result})` : "";
  const cells = [site ? site.name : group.site, site ? site.operator : "", stateOf(group) + failing];
  cells.push(pflops(group.built_pflops), pflops(group.online_pflops), pflops(group.used_pflops), percent(group.online_ratio), percent(group.usage_ratio));
  cells.push(group.age_seconds === null ? word("unknown") : `${group.age_seconds} ${word("seconds")}`);
  row.append(...cells.map((text) => element("td", text)));
  if (site && site.up === false) row.title = `${site.last_result}: ${site.last_reason}`;
  return row;
}

function alertRow(alert) {
  const row = element("tr", "", alert.acknowledged_by === null ? "" : "known");
  const fires = alert.state === "firing" || alert.state === "recovering";
  const state = word(alert.state === "unknown" ? "cannot_judge" : alert.state) + (alert.held ? ` (${word("held")})` : "");
  const cells = [element("td", state, fires ? "down" : ""), ...[word(alert.severity), alert.text[language], new Date(alert.since).toLocaleString(language)].map((text) => element("td", text))];
  cells.push(element("td", alert.stake_pflops === null ? "" : pflops(alert.stake_pflops)));
  const known = alert.acknowledged_by === null ? (fires ? word("unacknowledged") : "") : `${word("acknowledged")}${alert.acknowledged_by}`;
  cells.push(element("td", known));
  if (alert.acknowledged_why) row.title = alert.acknowledged_why;
  row.append(...cells);
  return row;
}

function drawAlerts(answer, now) {
  // dead_man always fires: it is for who listens, not for who looks.
  const rank = (one) => STATES.indexOf(one.state) * SEVERITIES.length + SEVERITIES.indexOf(one.severity);
  const found = answer.alerts.filter((one) => one.kind !== "dead_man").sort((one, other) => rank(one) - rank(other));
  const columns = ["state", "severity", "what", "since", "stake", "known"];
  document.getElementById("alert-columns").replaceChildren(...columns.map((key) => element("th", word(key))));
  document.getElementById("alert-rows").replaceChildren(...found.slice(0, ALERTS_SHOWN).map(alertRow));
  document.getElementById("alerts").hidden = found.length === 0;
  const told = [];
  if (answer.looked_at === null) told.push(word("never_looked"));
  else if (new Date(now) - new Date(answer.looked_at) > LOOKED_AT_WITHIN_MS) told.push(`${word("not_looked")} ${new Date(answer.looked_at).toLocaleString(language)}`);
  else if (found.length === 0) told.push(word("no_alerts"));
  if (answer.more || found.length > ALERTS_SHOWN) told.push(word("more"));
  document.getElementById("alerts-told").textContent = told.join(" · ");
}

function draw() {
  document.documentElement.lang = language;
  document.title = `${word("title")} Suanli`;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = word(node.dataset.t);
  document.getElementById("language").textContent = word("language");
  const columns = ["site", "operator", "state", "built_pflops", "online_pflops", "used_pflops", "online_ratio", "usage_ratio", "age"];
  document.getElementById("columns").replaceChildren(...columns.map((key) => element("th", word(key))));
  if (!shown) return;
  const { rates, names, alerts } = shown;
  document.getElementById("when").textContent = `${word("at")} ${new Date(rates.at).toLocaleString(language)}`;
  document.getElementById("rates").replaceChildren(...["online_ratio", "usage_ratio", "coverage_ratio"].map((key) => rateCard(rates.fleet, rates.benchmarks, key)));
  document.getElementById("sums").replaceChildren(...["planned_pflops", "built_pflops", "online_pflops", "used_pflops"].map((key) => sumCard(rates.fleet, key)));
  drawAlerts(alerts, rates.as_of);
  document.getElementById("sites").replaceChildren(...rates.groups.map((group) => siteRow(group, names)));
}

async function fetched(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(EVERY_MS) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function listed(name) {
  const rows = [];
  let cursor = "";
  do {
    const page = await fetched(`/api/v1/${name}?limit=1000${cursor}`);
    rows.push(...page[name]);
    cursor = page.next === null ? "" : `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor);
  return rows;
}

// Of each state only so many: a fleet of which nobody is heard has thousands.
async function standing() {
  const pages = await Promise.all(STATES.map((state) => fetched(`/api/v1/alerts?state=${state}&limit=${ALERTS_SHOWN}`)));
  return { looked_at: pages[0].looked_at, alerts: pages.flatMap((page) => page.alerts), more: pages.some((page) => page.next !== null) };
}

async function refresh() {
  const trouble = document.getElementById("trouble");
  try {
    const [rates, sites, alerts] = await Promise.all([fetched("/api/v1/rates"), listed("sites"), standing()]);
    shown = { rates, alerts, names: new Map(sites.map((site) => [site.id, site])) };
    trouble.hidden = true;
  } catch (error) {
    trouble.hidden = false;
    trouble.textContent = `${word("stopped")} ${shown ? new Date(shown.rates.at).toLocaleString(language) : "–"} (${error.message})`;
  }
  draw();
  setTimeout(refresh, EVERY_MS);
}

document.getElementById("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  draw();
});
draw();
refresh();
