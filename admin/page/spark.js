// Requests in flight in the last minute.

import { colors, drawn, fit } from "./palette.js";
import { count, text } from "./format.js";

const span = 60; // seconds
const canvas = document.getElementById("spark");
let samples = []; // [time, value]

export function sample(time, value) {
  samples.push([time, value]);
  while (samples.length > 2 && samples[1][0] < time - span) samples.shift();
  draw();
}

export function forgetSamples() { samples = []; }

function draw() {
  const { g, width, height } = fit(canvas, 72);
  if (!samples.length || width < 20) return;
  const end = samples.at(-1)[0];
  const most = Math.max(...samples.map((s) => s[1]));
  const top = Math.max(most, 4) * 1.1;
  const floor = height - 17;
  const x = (t) => width - ((end - t) / span) * width;
  const y = (v) => floor - (v / top) * (floor - 4);
  g.font = "11px system-ui, sans-serif";
  g.fillStyle = colors.soft;
  g.fillText("60 s ago", 0, height - 3);
  g.textAlign = "right";
  g.fillText("now", width, height - 3);
  g.textAlign = "left";
  g.strokeStyle = colors.line;
  g.beginPath();
  g.moveTo(0, floor + 0.5);
  g.lineTo(width, floor + 0.5);
  g.stroke();
  const line = new Path2D();
  samples.forEach(([t, v], i) => (i ? line.lineTo(x(t), y(v)) : line.moveTo(x(t), y(v))));
  const area = new Path2D(line);
  area.lineTo(width, floor);
  area.lineTo(x(samples[0][0]), floor);
  g.globalAlpha = 0.18;
  g.fillStyle = colors.busy;
  g.fill(area);
  g.globalAlpha = 1;
  g.strokeStyle = colors.busy;
  g.lineWidth = 2;
  g.lineJoin = "round";
  g.stroke(line);
  text("s-flight", `peak ${count(most)}`);
}

drawn(canvas, draw);
