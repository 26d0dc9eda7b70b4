// The buttons. A token comes from the address's fragment (which no server sees)
// or is asked for; it is kept in this page alone.

import { element, text } from "./format.js";

const bar = document.getElementById("buttons");
const dialog = document.getElementById("ask");
const input = document.getElementById("ask-token");
let token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
if (token) history.replaceState(null, "", location.pathname + location.search);

let offered = { orders: false, actions: [] };
let phase = "";

export function offer(hello) {
  offered = hello;
  draw();
}

export function phaseIs(now) {
  if (now !== phase) {
    phase = now;
    draw();
  }
}

function draw() {
  const buttons = [];
  const serving = phase === "serving";
  for (const a of offered.actions) {
    buttons.push(button(a.label, "primary", !serving, () => send("actions/" + a.name, !a.open)));
  }
  if (offered.orders) {
    const left = phase === "draining" || phase === "announced";
    buttons.push(left
      ? button("Kill now…", "danger", false, () => confirm("shutdown?force", "Kill what is left?", "Every connection that is still open is cut.", "Kill now"))
      : button("Shut down…", "danger", !serving, () => confirm("shutdown", "Shut the servers down?", "They stop listening, finish what is in progress, and end.", "Shut down")));
  }
  bar.replaceChildren(...buttons);
}

function button(label, cls, disabled, press) {
  const b = element("button", { type: "button", class: cls, disabled }, label);
  b.addEventListener("click", press);
  return b;
}

async function confirm(path, title, words, yes) {
  text("ask-title", title);
  text("ask-text", words);
  text("ask-yes", yes);
  input.value = "";
  document.getElementById("ask-label").hidden = Boolean(token);
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  if (dialog.returnValue !== "yes") return;
  token = token || input.value.trim();
  send(path, true);
}

async function send(path, guarded) {
  const headers = guarded ? { Authorization: "Bearer " + token } : {};
  const answer = await fetch(path, { method: "POST", headers }).catch(() => null);
  if (answer && answer.ok) return say("");
  if (answer && answer.status === 401) token = "";
  say(answer ? `Refused: ${(await answer.text()).trim()}` : "Nobody answered.");
}

function say(words) {
  const notice = document.getElementById("notice");
  notice.className = "notice bad";
  notice.hidden = !words;
  text(notice, words);
}
