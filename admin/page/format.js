// How numbers are written.

const whole = new Intl.NumberFormat("en");

export const count = (n) => whole.format(Math.round(n));

export const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

// seconds writes a number of seconds.
export function seconds(s) {
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  if (s >= 90) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s >= 1) return `${s.toFixed(s >= 30 ? 0 : 1).replace(/\.0$/, "")} s`;
  if (s >= 0.01) return `${Math.round(s * 1000)} ms`;
  return `${(s * 1000).toFixed(1)} ms`;
}

// nanos writes one of the server's durations.
export const nanos = (ns) => seconds((ns || 0) / 1e9);

export function bytes(n) {
  if (n < 1000) return `${n} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    n /= 1000;
    if (n < 1000) return `${n.toFixed(n < 10 ? 1 : 0)} ${unit}`;
  }
  return `${n.toFixed(0)} TB`;
}

// element makes one, with text or children.
export function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) {
    if (v === undefined || v === false) continue;
    if (k === "class") e.className = v;
    else e.setAttribute(k, v === true ? "" : v);
  }
  e.append(...children);
  return e;
}

// text sets an element's text if it is another.
export function text(e, s) {
  if (typeof e === "string") e = document.getElementById(e);
  if (e.textContent !== s) e.textContent = s;
}
