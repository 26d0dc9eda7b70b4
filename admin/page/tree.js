// The tree: the root, its servers, their connections.

import { Cells } from "./cells.js";
import { cell, fit, meaning, onColors, states } from "./palette.js";
import { bytes, count, element, nanos, plural, text } from "./format.js";

const branches = new Map(); // name → branch
const details = new Map(); // server/id → connection
let asked = 0;

const host = document.getElementById("tree");
const tip = document.getElementById("tip");
const rootNote = element("span", { class: "note" });
host.append(element("div", { class: "root" }, element("span", { class: "knot" }),
  element("span", { class: "name" }, "root"), rootNote));

export function drawTree(frame) {
  const draining = frame.phase !== "serving" && frame.phase !== "starting";
  text(rootNote, `${frame.phase} · ${plural(frame.servers.length, "server")} · ${plural(frame.servers.reduce((n, s) => n + s.counts.open, 0), "connection")}`);
  const names = new Set(frame.servers.map((s) => s.name));
  for (const [name, b] of branches) {
    if (!names.has(name)) {
      b.box.remove();
      branches.delete(name);
    }
  }
  for (const s of frame.servers) {
    if (!branches.has(s.name)) branches.set(s.name, new Branch(s.name));
    branches.get(s.name).update(s, draining);
    for (const c of s.oldest) details.set(`${s.name}/${c.id}`, c);
  }
  if (details.size > 5000) details.clear();
}

// forgetTree is for another process in the place of the last one.
export function forgetTree() {
  for (const b of branches.values()) b.box.remove();
  branches.clear();
  details.clear();
}

class Branch {
  constructor(name) {
    this.name = name;
    this.addr = element("span", { class: "addr" });
    this.tag = element("span", { class: "tag" });
    this.counts = element("span", { class: "counts" });
    this.canvas = element("canvas", { class: "cells", tabindex: "0", role: "img", height: 31 });
    this.note = element("p", { class: "scale" });
    this.box = element("div", { class: "branch" },
      element("div", { class: "server" }, element("span", { class: "name" }, name), this.addr, this.tag, this.counts),
      this.canvas, this.note);
    host.append(this.box);
    this.cells = new Cells(this.canvas);
    this.listen();
  }

  update(s, draining) {
    this.server = s;
    if (s.addr) text(this.addr, s.addr); // one that has drained has none any more
    const label = s.error ? "failed" : s.suspended ? "suspended" : s.phase;
    text(this.tag, label);
    this.tag.title = s.error || "";
    this.tag.className = "tag " + label;
    this.tag.hidden = label === "serving";
    this.cells.update(s, draining);
    const n = s.states;
    this.counts.replaceChildren(element("b", {}, count(s.counts.open)), " open · ", element("b", {}, count(n.busy + n.reading)), " at work",
      ...(s.counts.killed ? [" · ", element("b", { class: "bad-number" }, count(s.counts.killed)), " killed"] : []));
    const scale = s.counts.open === 0 ? (draining ? "Nothing is left." : "Nobody is connected.") : this.cells.scale();
    text(this.note, scale);
    this.note.hidden = !scale;
    this.canvas.hidden = s.counts.open === 0 && !this.cells.most;
    this.label();
  }

  // label is what a screen reader says of the cells; not more often than a person
  // would want to hear.
  label() {
    const now = Date.now();
    if (this.labelled && now - this.labelled < 1000) return;
    this.labelled = now;
    const parts = states.filter((s) => this.server.states[s]).map((s) => `${count(this.server.states[s])} ${s}`);
    this.canvas.setAttribute("aria-label",
      `${this.name}: ${plural(this.server.counts.open, "connection")}${parts.length ? ": " + parts.join(", ") : ""}. Arrow keys look at them one by one.`);
  }

  listen() {
    this.canvas.addEventListener("pointermove", (e) => {
      const box = this.canvas.getBoundingClientRect();
      this.show(this.cells.find(e.clientX - box.left, e.clientY - box.top));
    });
    this.canvas.addEventListener("pointerleave", () => this.show(-1));
    this.canvas.addEventListener("blur", () => this.show(-1));
    this.canvas.addEventListener("keydown", (e) => {
      if (e.key === "Escape") this.show(-1);
      else if (this.cells.move(e.key)) {
        e.preventDefault();
        this.show(this.cells.cursor);
        text("announce", tip.textContent);
      }
    });
  }

  show(i) {
    this.cells.cursor = i;
    this.cells.animate();
    const c = this.cells.slots[i];
    tip.hidden = !c;
    if (!c) return;
    tip.replaceChildren(...this.describe(c));
    const at = this.cells.where(i);
    tip.style.left = Math.max(8, Math.min(at.x - 20, innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = (at.y + tip.offsetHeight + 14 > innerHeight ? at.y - tip.offsetHeight - 40 : at.y + 8) + "px";
  }

  describe(c) {
    if (this.cells.each > 1) {
      return [element("b", {}, `${count(this.server.states[c.state])} are ${c.state}`),
        element("div", {}, meaning[c.state]), element("div", {}, this.cells.scale())];
    }
    const d = details.get(`${this.name}/${c.id}`);
    if (!d || d.state !== c.state) this.fetch();
    if (!d) return [element("b", {}, c.state), element("div", {}, meaning[c.state])];
    return [
      element("b", {}, d.request && c.state !== "idle" ? d.request : "No request in progress"),
      element("div", {}, `${d.peer} · ${d.protocol}`),
      element("div", {}, `${c.state}${d.state === c.state ? " for " + nanos(d.since) : ""}, open for ${nanos(d.age)}`),
      element("div", {}, `${plural(d.requests, "request")} · ${bytes(d.bytes_read)} in · ${bytes(d.bytes_written)} out`),
    ];
  }

  // fetch asks for what the frames leave out, once a second at most.
  async fetch() {
    if (Date.now() - asked < 1000) return;
    asked = Date.now();
    const answer = await fetch("status?each=600").catch(() => null);
    if (!answer || !answer.ok) return;
    for (const s of (await answer.json()).servers) {
      for (const c of s.connections || []) details.set(`${s.name}/${c.id}`, c);
    }
    if (this.cells.cursor >= 0) this.show(this.cells.cursor);
  }
}

addEventListener("scroll", () => (tip.hidden = true), { passive: true });

const legend = states.map((state) => {
  const canvas = element("canvas", { height: 14, width: 14 });
  document.getElementById("legend").append(element("li", { title: meaning[state] }, canvas, state));
  return () => cell(fit(canvas, 14, 14).g, state, 0, 0, 14);
});
const drawLegend = () => legend.forEach((draw) => draw());
requestAnimationFrame(drawLegend);
onColors(drawLegend);
