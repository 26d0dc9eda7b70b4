// The drain as it goes: connections over time, the phases under them, and the
// deadline to the right, towards which it all runs.

import { colors, drawn, fit } from "./palette.js";
import { count, element, plural, seconds, text } from "./format.js";

const phases = ["announced", "draining", "killing"];
const says = {
  announced: "announced: not ready any more, still serving",
  draining: "draining: not listening, connections leave",
  killing: "killing: what is left is cut",
};
const box = document.getElementById("drain");
const canvas = document.getElementById("drain-chart");
let points = []; // [seconds since it began, open]
let last = null;

const instant = (s) => Date.parse(s) / 1000;

export function forgetDrain() {
  points = [];
  last = null;
  box.hidden = true;
}

// drawDrain takes a frame of a drain; open is how many connections there are.
export function drawDrain(frame, open) {
  const first = phases.find((p) => frame.entered[p]);
  if (!first) return forgetDrain();
  const began = instant(frame.entered[first]);
  const over = frame.entered.done ? instant(frame.entered.done) : 0;
  const now = (over || instant(frame.now)) - began;
  const whole = Math.max(instant(frame.deadline) - began, 0.001);
  if (!points.length) points.push([0, Math.max(open, frame.report ? drained(frame.report) : 0)]);
  points.push([now, open]);
  const spans = phases.filter((p) => frame.entered[p]).map((p) => ({ phase: p, from: instant(frame.entered[p]) - began }));
  spans.forEach((s, i) => (s.to = spans[i + 1] ? spans[i + 1].from : now));
  last = { now, whole, spans, over: Boolean(over), most: Math.max(...points.map((p) => p[1])), at: performance.now() };
  box.hidden = false;
  words(frame, open);
  requestAnimationFrame(draw);
}

const drained = (r) => r.servers.reduce((n, s) => n + s.drained + s.unanswered + s.killed + s.crashed, 0);

function words(frame, open) {
  const { now, whole, spans, over, most } = last;
  const used = Math.min(100, Math.round((now / whole) * 100));
  text("drain-left", over ? seconds(now) : seconds(Math.max(whole - now, 0)));
  text("drain-until", over ? `used, of ${seconds(whole)}` : `left, of ${seconds(whole)}`);
  text("drain-open", count(open));
  text("drain-of", `of ${plural(most, "connection")} left`);
  const bar = document.getElementById("drain-bar");
  bar.setAttribute("aria-valuenow", String(used));
  bar.setAttribute("aria-valuetext", `${seconds(now)} of ${seconds(whole)}, ${plural(open, "connection")} left`);
  const list = document.getElementById("drain-phases");
  list.hidden = over; // the Report has it
  list.replaceChildren(...spans.map((s, i) =>
    element("li", { class: s.phase + (!over && i === spans.length - 1 ? " now" : "") }, `${says[s.phase]} · ${seconds(s.to - s.from)}`)));
}

function draw() {
  if (!last || box.hidden) return;
  const { g, width, height } = fit(canvas, 150);
  const { now, whole, spans, over, most } = last;
  const end = over ? Math.max(now, 0.001) : whole; // afterwards, only what was used
  const band = 10;
  const floor = height - 34;
  const right = width - (over ? 0 : 2);
  const x = (t) => Math.min((t / end) * right, right);
  const y = (n) => floor - (n / Math.max(most, 1)) * (floor - 16);

  g.font = "11px system-ui, sans-serif";
  g.fillStyle = colors.soft;
  g.textBaseline = "alphabetic";
  ticks(end).forEach((t) => {
    g.fillStyle = colors.line;
    g.fillRect(Math.round(x(t)), 12, 1, floor - 12);
    g.fillStyle = colors.soft;
    g.textAlign = t === 0 ? "left" : "center";
    if (x(t) < right - 110 || t === 0) g.fillText(t === 0 ? "asked" : seconds(t), x(t), height - 2);
  });

  const area = new Path2D();
  area.moveTo(0, floor);
  let before = points[0][1];
  for (const [t, n] of points) {
    area.lineTo(x(t), y(before));
    area.lineTo(x(t), y(n));
    before = n;
  }
  area.lineTo(x(now), floor);
  area.closePath();
  g.globalAlpha = 0.3;
  g.fillStyle = colors.draining;
  g.fill(area);
  g.globalAlpha = 1;
  g.strokeStyle = colors.draining;
  g.lineWidth = 1.5;
  g.stroke(area);

  g.fillStyle = colors.faint;
  g.fillRect(0, floor + 5, right, band);
  for (const s of spans) {
    g.fillStyle = colors[s.phase];
    g.fillRect(x(s.from), floor + 5, Math.max(x(s.to) - x(s.from) - 1, 2), band);
  }
  if (!over) {
    g.fillStyle = colors.ink;
    g.fillRect(x(now) - 1, 12, 2, floor + band - 5);
    g.fillStyle = colors.killing;
    g.fillRect(right - 2, 8, 3, floor + band);
  }
  g.textAlign = "right";
  g.fillStyle = over ? colors.soft : colors.killing;
  g.font = "600 11px system-ui, sans-serif";
  g.fillText(over ? `over after ${seconds(now)}` : "deadline", right, height - 2);
  g.fillStyle = colors.soft;
  g.textAlign = "left";
  if (x(now) > 90 || over) g.fillText(plural(most, "connection"), 3, 10);
}

function ticks(end) {
  const step = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 3600].find((s) => end / s <= 8) || 7200;
  const list = [];
  for (let t = 0; t < end - step * 0.3; t += step) list.push(t);
  return list;
}

drawn(canvas, draw);
