// The connections of one server as cells: one each while there are few, one for
// many when there are more. A connection keeps its place as long as it lives;
// what has left during a drain leaves a faint trace.

import { byLetter, calm, cell, colors, drawn, fit, stamp, states, widthOf } from "./palette.js";
import { count } from "./format.js";

const growTime = 220;
const fadeTime = 450;
const scales = [5, 10, 25, 50, 100, 250, 500, 1000];
const mostCells = 700;
const oneByOneAgain = 40;
const margin = 2; // for the mark of the cursor

export class Cells {
  constructor(canvas) {
    this.canvas = canvas;
    this.slots = []; // {id, state, born, died}
    this.at = new Map(); // id → slot
    this.each = 1; // connections in one cell
    this.most = 0; // cells there have been, in this drain
    this.cursor = -1;
    this.pending = false;
    drawn(canvas, () => this.animate());
  }

  // update takes a server's part of a frame.
  update(server, draining) {
    const open = Object.values(server.states).reduce((a, b) => a + b, 0);
    const named = server.ids && server.ids.length === open;
    const key = JSON.stringify([server.states, server.cells, server.ids, draining]);
    if (key === this.key) return; // the same picture
    this.key = key;
    if (!draining) this.most = 0;
    const stay = draining && this.each > 1 && open > oneByOneAgain;
    if ((named || open === 0) && !stay) this.oneByOne(server);
    else this.together(server.states, open, draining);
    this.most = draining ? Math.max(this.most, this.slots.length) : 0;
    this.animate();
  }

  oneByOne(server) {
    if (this.each > 1) {
      this.slots = [];
      this.at.clear();
      this.most = 0;
      this.each = 1;
    }
    const now = performance.now();
    const seen = new Set();
    let id = 0;
    (server.ids || []).forEach((step, i) => {
      id += step;
      seen.add(id);
      const state = byLetter[server.cells[i]];
      const slot = this.at.get(id);
      if (slot === undefined) this.place({ id, state, born: now });
      else this.slots[slot].state = state;
    });
    for (const [id, slot] of this.at) {
      if (!seen.has(id)) {
        this.slots[slot].died = now;
        this.at.delete(id);
      }
    }
    while (this.slots.length && this.isFree(this.slots.length - 1, now)) this.slots.pop();
  }

  isFree(i, now) {
    const c = this.slots[i];
    return !c || (c.died !== undefined && (calm.matches || now - c.died > fadeTime));
  }

  place(c) {
    let i = 0;
    while (i < this.slots.length && !this.isFree(i, c.born)) i++;
    this.slots[i] = c;
    this.at.set(c.id, i);
  }

  // together draws a cell for many. Whatever there is has a cell at least.
  together(n, open, draining) {
    this.at.clear();
    const wanted = scales.find((s) => open / s <= mostCells) || scales.at(-1);
    const each = draining && this.each > 1 ? this.each : wanted;
    if (each !== this.each) this.most = 0;
    this.each = each;
    this.slots = [];
    for (const state of states) {
      const cells = n[state] ? Math.max(1, Math.round(n[state] / this.each)) : 0;
      for (let i = 0; i < cells; i++) this.slots.push({ state, born: 0 });
    }
  }

  // geometry fits the cells into the width there is.
  geometry() {
    const n = Math.max(this.slots.length, this.most, 1);
    const width = widthOf(this.canvas) || 600;
    const size = n <= 24 ? 26 : n <= 80 ? 20 : n <= 250 ? 15 : n <= 600 ? 12 : 10;
    const step = size + (size > 14 ? 5 : 3);
    const columns = Math.max(1, Math.floor((width - 2 * margin + step - size) / step));
    return { size, step, columns, height: Math.ceil(n / columns) * step + 2 * margin };
  }

  animate() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      if (this.draw()) this.animate();
    });
  }

  // draw reports whether something is still moving.
  draw() {
    const { size, step, columns, height } = this.geometry();
    const { g } = fit(this.canvas, height);
    const now = performance.now();
    const still = calm.matches;
    let moving = false;
    for (let i = 0; i < Math.max(this.slots.length, this.most); i++) {
      const x = margin + (i % columns) * step;
      const y = margin + Math.floor(i / columns) * step;
      const c = this.slots[i];
      if (!c || c.died !== undefined) {
        const t = c && !still ? (now - c.died) / fadeTime : 1;
        if (t < 1) {
          g.globalAlpha = 1 - t;
          cell(g, "leaving", x, y, size, 1 - 0.5 * t);
          g.globalAlpha = 1;
          moving = true;
        } else if (this.most) {
          stamp(g, "left", x, y, size);
        }
        continue;
      }
      const t = still || !c.born ? 1 : Math.min(1, (now - c.born) / growTime);
      if (t < 1) {
        moving = true;
        cell(g, c.state, x, y, size, 0.3 + 0.7 * t);
      } else stamp(g, c.state, x, y, size);
      if (i === this.cursor) {
        g.strokeStyle = colors.ink;
        g.lineWidth = 2;
        g.strokeRect(x - 1.5, y - 1.5, size + 3, size + 3);
      }
    }
    return moving;
  }

  // find returns the index of the cell at a place in the canvas, or -1.
  find(x, y) {
    const { step, columns } = this.geometry();
    const column = Math.floor((x - margin) / step);
    const i = Math.floor((y - margin) / step) * columns + column;
    const c = this.slots[i];
    return column >= 0 && column < columns && c && c.died === undefined ? i : -1;
  }

  // move moves the cursor of the keyboard.
  move(key) {
    const { columns } = this.geometry();
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key];
    const last = this.slots.length - 1;
    if (key === "Home") this.cursor = 0;
    else if (key === "End") this.cursor = last;
    else if (step) this.cursor = Math.min(last, Math.max(0, this.cursor < 0 ? 0 : this.cursor + step));
    else return false;
    this.animate();
    return true;
  }

  // place in the page of a cell.
  where(i) {
    const { size, step, columns } = this.geometry();
    const box = this.canvas.getBoundingClientRect();
    return { x: box.left + (i % columns) * step + size / 2, y: box.top + Math.floor(i / columns) * step + size };
  }

  scale() { return this.each > 1 ? `1 square = ${count(this.each)} connections` : ""; }
}
