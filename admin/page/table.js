// What is at work, oldest first, or as the reader sorts it.

import { bytes, count, element, nanos, text } from "./format.js";

const columns = [
  ["server", "server", (c) => c.server],
  ["peer", "peer", (c) => c.peer, "mono"],
  ["request", "request", (c) => c.request || "", "mono what"],
  ["protocol", "protocol", (c) => c.protocol],
  ["state", "state", (c) => c.state, "state"],
  ["since", "for", (c) => nanos(c.since), "num"],
  ["age", "age", (c) => nanos(c.age), "num"],
  ["requests", "requests", (c) => count(c.requests), "num"],
  ["bytes_read", "in", (c) => bytes(c.bytes_read), "num"],
  ["bytes_written", "out", (c) => bytes(c.bytes_written), "num"],
];
let by = "since";
let down = true;
let rows = [];
let draining = false;

const body = element("tbody");
const heads = columns.map(([key, title, , cls]) => {
  const button = element("button", { type: "button" }, title);
  button.addEventListener("click", () => {
    down = by === key ? !down : typeof (rows[0] || {})[key] === "number";
    by = key;
    draw();
  });
  return element("th", { scope: "col", class: (cls || "").includes("num") ? "num" : undefined }, button);
});
const table = element("table", {}, element("caption", { class: "unseen" }, "Connections with a request in progress"),
  element("thead", {}, element("tr", {}, ...heads)), body);
const empty = element("p", { class: "empty" });
document.getElementById("busy-table").append(table, empty);

export function drawTable(frame) {
  rows = frame.servers.flatMap((s) => s.oldest);
  draining = !["serving", "starting"].includes(frame.phase);
  const busy = frame.servers.reduce((n, s) => n + s.states.busy + s.states.reading + s.states.leaving, 0);
  text("busy-title", draining ? "Who is left" : "At work");
  text("busy-note", busy > rows.length ? `the oldest ${rows.length} of ${count(busy)}` : "");
  text(empty, frame.phase === "done" ? "Nobody: the drain is over." : draining ? "Nothing is at work; what is left is quiet and leaves by itself." : "Nothing is at work. A request that takes longer than a moment shows here.");
  draw();
}

function draw() {
  const sign = down ? -1 : 1;
  rows.sort((a, b) => sign * (a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0));
  heads.forEach((h, i) => {
    if (columns[i][0] === by) h.setAttribute("aria-sort", down ? "descending" : "ascending");
    else h.removeAttribute("aria-sort");
  });
  empty.hidden = rows.length > 0;
  table.hidden = rows.length === 0;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  while (body.rows.length < rows.length) {
    body.append(element("tr", {}, ...columns.map(([, , , cls]) =>
      cls === "state" ? element("td", {}, element("span", { class: "dot" }), element("span")) : element("td", { class: cls }))));
  }
  rows.forEach((c, i) => columns.forEach(([, , write, cls], j) => {
    const td = body.rows[i].cells[j];
    if (cls === "state") {
      td.firstChild.className = "dot " + c.state;
      text(td.lastChild, c.state);
    } else text(td, write(c));
  }));
}
