// The colours of the style sheet, for what is drawn, and the shapes that say the
// same to those who do not tell the colours apart.

export const states = ["busy", "reading", "leaving", "idle", "new"];

export const meaning = {
  busy: "busy: a request is being answered",
  reading: "reading: a request has begun to arrive",
  leaving: "leaving: it has said goodbye",
  idle: "idle: between two requests",
  new: "new: no byte of a request yet",
};

export const byLetter = { b: "busy", r: "reading", l: "leaving", i: "idle", n: "new", c: "leaving" };

export const colors = {};

const listeners = [];

function read() {
  const style = getComputedStyle(document.documentElement);
  for (const name of [...states, "announced", "draining", "killing", "ink", "soft", "line", "faint", "accent", "card"]) {
    colors[name] = style.getPropertyValue("--" + name).trim();
  }
}

export function onColors(f) { listeners.push(f); }

read();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  read();
  listeners.forEach((f) => f());
});

export const calm = matchMedia("(prefers-reduced-motion: reduce)");

const widths = new WeakMap();
const redraws = new WeakMap();
const resized = new ResizeObserver((entries) => {
  for (const e of entries) {
    if (widths.get(e.target) === e.contentRect.width) continue;
    widths.set(e.target, e.contentRect.width);
    redraws.get(e.target)();
  }
});

// drawn has draw called when a canvas has got another width, or other colours.
// Its width is remembered: asking for it makes the browser lay the page out.
export function drawn(canvas, draw) {
  redraws.set(canvas, draw);
  resized.observe(canvas);
  onColors(draw);
}

export const widthOf = (canvas) => widths.get(canvas) || 0;

// fit gives a canvas the pixels of its place and returns its context and size.
export function fit(canvas, height, width = widthOf(canvas)) {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = height + "px";
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return { g, width, height };
}

const stamps = new Map(); // state, size → picture
onColors(() => stamps.clear());

// stamp draws a whole cell from a picture of it: a path takes ten times as long.
export function stamp(g, state, x, y, size) {
  const ratio = window.devicePixelRatio || 1;
  const key = `${state} ${size} ${ratio}`;
  let picture = stamps.get(key);
  if (!picture) {
    picture = new OffscreenCanvas(Math.ceil(size * ratio), Math.ceil(size * ratio));
    const paint = picture.getContext("2d");
    paint.scale(ratio, ratio);
    cell(paint, state, 0, 0, size);
    stamps.set(key, picture);
  }
  g.drawImage(picture, x, y, picture.width / ratio, picture.height / ratio);
}

// cell draws one connection: full for busy, half for reading, a ring for leaving,
// small and pale for idle, a dashed outline for new.
export function cell(g, state, x, y, size, scale = 1) {
  const inset = (size * (1 - scale)) / 2;
  x += inset;
  y += inset;
  size *= scale;
  if (size < 1) return;
  const r = Math.min(size * 0.25, 5);
  const stroke = Math.max(1.25, size * 0.14);
  g.fillStyle = g.strokeStyle = colors[state];
  g.beginPath();
  switch (state) {
    case "leaving":
      g.lineWidth = stroke;
      g.roundRect(x + stroke / 2, y + stroke / 2, size - stroke, size - stroke, r);
      g.stroke();
      return;
    case "new":
      g.lineWidth = 1;
      g.setLineDash([2, 2]);
      g.roundRect(x + 0.5, y + 0.5, size - 1, size - 1, r);
      g.stroke();
      g.setLineDash([]);
      return;
    case "reading":
      g.lineWidth = 1;
      g.roundRect(x + 0.5, y + 0.5, size - 1, size - 1, r);
      g.stroke();
      g.beginPath();
      g.roundRect(x, y + size / 2, size, size / 2, [0, 0, r, r]);
      g.fill();
      return;
    case "left":
      g.fillStyle = colors.line;
      g.arc(x + size / 2, y + size / 2, Math.max(1, size / 9), 0, 7);
      break;
    case "idle":
      g.roundRect(x + size * 0.11, y + size * 0.11, size * 0.78, size * 0.78, r);
      break;
    default:
      g.roundRect(x, y, size, size, r);
  }
  g.fill();
}
