// The page: takes frames from the feed and has each part draw its own.

import { watch } from "./feed.js";
import { drawTree, forgetTree } from "./tree.js";
import { drawTable } from "./table.js";
import { forgetSamples, sample } from "./spark.js";
import { drawDrain, forgetDrain } from "./drain.js";
import { drawReport, forgetReport, verdict } from "./report.js";
import { offer, phaseIs } from "./orders.js";
import { bytes, count, plural, seconds, text } from "./format.js";

const words = {
  starting: "Binding its listeners.",
  serving: "Everything is served.",
  announced: "A shutdown has been announced: not ready any more, everything is still served.",
  draining: "Nothing new is let in. What is in progress finishes.",
  killing: "The deadline has come: what is left is cut.",
  done: "The drain is over.",
};
const notice = document.getElementById("notice");
let last = null; // frame
let rates = []; // [time, requests]
let goneSince = 0;
let reported = "";

function frame(f) {
  if (last && last.started !== f.started) forget();
  if (last) f.servers.forEach((s) => remember(f, s));
  f.reason = f.reason || (last && last.reason);
  came(f);
  const sum = (of) => f.servers.reduce((n, s) => n + of(s), 0);
  const open = sum((s) => s.counts.open);
  const busy = sum((s) => s.states.busy + s.states.reading);
  const time = Date.parse(f.now) / 1000;

  text("n-open", count(open));
  text("s-open", `${count(sum((s) => s.counts.accepted))} since the start`);
  text("n-busy", count(busy));
  text("s-busy", open ? `${Math.round((100 * busy) / open)} % of them` : "");
  text("n-flight", count(sum((s) => s.counts.in_flight)));
  rate(time, sum((s) => s.counts.requests));
  sample(time, sum((s) => s.counts.in_flight));
  text("feed", `up ${seconds(time - Date.parse(f.started) / 1000)} · frame of ${bytes(f.size)}` + (f.events_dropped ? ` · ${plural(f.events_dropped, "event")} dropped` : ""));

  drawDrain(f, open);
  if (f.report) report(f.report);
  last = f;
  setTimeout(rest, 0, f);
}

// rest draws the larger half in a task of its own, so that the page answers its
// user in between; a frame that has been overtaken is left out.
function rest(f) {
  if (f !== last) return;
  drawTree(f);
  drawTable(f);
}

// remember takes from the last frame what a server that is too busy to answer
// leaves out: its connections are still the same, more or less.
function remember(f, s) {
  const before = (f.silent || []).includes(s.name) && last.servers.find((b) => b.name === s.name);
  if (!before) return;
  s.addr = before.addr;
  s.oldest = before.oldest;
  if (before.ids) Object.assign(s, { ids: before.ids, cells: before.cells, states: before.states });
}

function rate(time, requests) {
  rates.push([time, requests]);
  while (rates.length > 2 && rates[0][0] < time - 3) rates.shift();
  const [t, n] = rates[0];
  text("n-rate", time - t > 0.2 ? count((requests - n) / (time - t)) : "–");
  text("s-rate", `${count(requests)} since the start`);
}

function report(r) {
  const key = r.started + r.took;
  if (reported === key) return;
  reported = key;
  drawReport(r);
  const v = verdict(r);
  text("announce", `${v.title}. ${v.detail}`);
  document.title = (v.clean ? "✓" : "!") + " drain: done";
}

// came notes that the server is there, and in which phase.
function came(f) {
  if (goneSince) {
    goneSince = 0;
    document.body.classList.remove("gone");
    notice.hidden = true;
  }
  text("sentence", words[f.phase] + (f.reason && f.phase !== "done" ? ` (${f.reason})` : ""));
  if (document.body.dataset.phase === f.phase) return;
  document.body.dataset.phase = f.phase;
  text("phase", f.phase);
  text("announce", `${f.phase}. ${words[f.phase]}`);
  document.title = `drain: ${f.phase}`;
  phaseIs(f.phase);
}

// gone says that nobody answers; the last picture stays.
function gone(ended) {
  if (!last) {
    text("sentence", "Nobody answers yet.");
    return;
  }
  goneSince = goneSince || Date.now();
  document.body.dataset.phase = "gone";
  document.body.classList.add("gone");
  text("phase", "gone");
  phaseIs("gone");
  notice.hidden = false;
  notice.className = ended ? "notice" : "notice bad";
  const at = new Date(goneSince).toLocaleTimeString();
  const said = ended
    ? `The process ended at ${at}, after its Report. This is its last picture.`
    : `The server is gone since ${at}, without a Report. This is the last picture.`;
  if (notice.textContent !== said) text("announce", said);
  text(notice, said);
  text("sentence", "Waiting for it to come back.");
}

// forget is for another process in the place of the last one.
function forget() {
  rates = [];
  last = null;
  forgetTree();
  forgetSamples();
  forgetDrain();
  forgetReport();
}

watch({ hello: offer, frame, gone });
