// The Report: what happened, in words and numbers.

import { count, element, nanos, plural } from "./format.js";

const box = document.getElementById("report");
const kinds = ["drained", "unanswered", "killed", "crashed", "refused", "lost", "running"];
const bad = new Set(["killed", "crashed", "lost", "running"]);
const titles = { lost: "requests lost", running: "handlers still running" };
const mostNamed = 10;

export function forgetReport() { box.hidden = true; }

// verdict is the Report in a sentence.
export function verdict(r) {
  const sum = (k) => r.servers.reduce((n, s) => n + s[k], 0);
  const cut = [
    [sum("killed"), "connection", "killed"], [sum("crashed"), "connection", "crashed"],
    [sum("lost"), "request", "lost"], [sum("running"), "handler", "still running"],
  ].filter(([n]) => n).map(([n, what, how]) => `${plural(n, what)} ${how}`);
  for (const s of r.servers) if (s.error) cut.push(`${s.name}: ${s.error.split("\n")[0]}`);
  const clean = cut.length === 0;
  return {
    clean,
    title: clean ? "Clean: nothing was lost" : "Not clean: the drain cut something",
    detail: (clean ? `${plural(sum("drained") + sum("unanswered"), "connection")} ended in order` : cut.join(", ")) +
      ` in ${nanos(r.took)} of ${nanos(r.timeout)}${r.forced ? ", forced" : ""}. ${r.reason}.`,
  };
}

export function drawReport(r) {
  const v = verdict(r);
  box.className = "card report " + (v.clean ? "clean" : "cut");
  box.replaceChildren(
    element("div", { class: "verdict" },
      element("span", { class: "mark", "aria-hidden": "true" }, v.clean ? "✓" : "!"),
      element("div", {}, element("h2", { id: "report-title" }, v.title), element("p", {}, v.detail))),
    servers(r), phases(r), ...stragglers(r));
  box.hidden = false;
}

function table(head, rows, caption) {
  return element("div", { class: "scroll" }, element("table", {},
    element("caption", { class: "unseen" }, caption),
    element("thead", {}, element("tr", {}, ...head.map(([name, cls]) => element("th", { scope: "col", class: cls }, name)))),
    element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells)))));
}

function servers(r) {
  const shown = kinds.filter((k) => k === "drained" || k === "killed" || k === "lost" || r.servers.some((s) => s[k]));
  return table(
    [["server"], ["address"], ...shown.map((k) => [titles[k] || k, "num"]), ["took", "num"]],
    r.servers.map((s) => [
      element("td", {}, s.name), element("td", { class: "mono" }, s.addr || ""),
      ...shown.map((k) => element("td", { class: "num" }, bad.has(k) && s[k] ? element("span", { class: "bad-number" }, count(s[k])) : count(s[k]))),
      element("td", { class: "num" }, nanos(s.took)),
    ]), "What became of each server's connections");
}

function phases(r) {
  return element("ol", { class: "phases" }, ...r.phases.map((p) => element("li", { class: p.phase }, `${p.phase} ${nanos(p.took)}`)));
}

function stragglers(r) {
  const list = r.servers.flatMap((s) => s.stragglers || []);
  if (!list.length) return [];
  const rows = list.slice(0, mostNamed).map((c) => [
    element("td", {}, element("span", { class: "bad-number" }, c.outcome + (c.lost ? ", request lost" : ""))), element("td", {}, c.server),
    element("td", { class: "mono" }, c.peer), element("td", { class: "mono what" }, c.request || ""), element("td", {}, c.protocol),
    element("td", {}, `${c.state} for ${nanos(c.since)}`),
  ]);
  const more = r.servers.reduce((n, s) => n + s.killed + s.crashed, 0) - rows.length; // a frame names some of them
  return [element("h3", {}, "Who did not end in order"),
    table([["end"], ["server"], ["peer"], ["request"], ["protocol"], ["was"]], rows, "Connections that did not end in order"),
    ...(more > 0 ? [element("p", { class: "note" }, `and ${count(more)} more; `, element("a", { href: "status" }, "status"), " has all of them")] : [])];
}
