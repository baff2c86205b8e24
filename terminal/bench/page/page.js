"use strict";
// The counter in the browser: shows what comes over the cables, presses what they take.

const $ = (id) => document.getElementById(id);
const PAD = [["1"], ["2"], ["3"], ["+"], ["4"], ["5"], ["6"], ["back", "⌫"], ["7"], ["8"], ["9"],
  ["cancel", "C"], ["00"], ["0"], ["ok", "OK"], ["menu", "☰"]];
const TYPED = { Enter: "ok", Backspace: "back", Escape: "cancel", "+": "+", Delete: "clear" };
const HOLD_MS = 800;

async function act(what, more = {}) {
  const answer = await fetch("/do", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ what, ...more }),
  });
  const said = await answer.json();
  say(said.ok ? "" : said.error, !said.ok);
  return said;
}

let pressed = Promise.resolve();

function press(key) { // one after the other: fast fingers must not overtake themselves
  pressed = pressed.then(() => act("key", { key }));
}

function say(text, wrong = false) {
  $("said").textContent = text;
  $("said").classList.toggle("wrong", wrong);
}

// -- the keypad ----------------------------------------------------------------------------------------

for (const [key, label] of PAD) {
  const button = document.createElement("button");
  button.textContent = label ?? key;
  button.dataset.key = key;
  button.classList.add(key === "ok" || key === "cancel" ? key : "plain");
  let held;
  button.addEventListener("pointerdown", () => {
    wake();
    held = key === "cancel" ? setTimeout(() => { held = null; press("clear"); }, HOLD_MS) : 0;
  });
  button.addEventListener("click", () => {
    if (held === null) { held = 0; return; } // it was held: "clear" has been sent
    clearTimeout(held);
    press(key);
  });
  $("keys").append(button);
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("select") || event.repeat || event.ctrlKey || event.metaKey) return;
  const key = /^[0-9]$/.test(event.key) ? event.key : TYPED[event.key];
  if (!key) return;
  event.preventDefault();
  wake();
  flash(key);
  press(key);
});

function flash(key) {
  const button = document.querySelector(`#keys [data-key="${key}"]`);
  button?.classList.add("down");
  setTimeout(() => button?.classList.remove("down"), 120);
}

// -- the buzzer, seen and heard ----------------------------------------------------------------------------

const SOUNDS = { // [hertz, from ms, for ms]
  key: [[1800, 0, 18]],
  no: [[220, 0, 120]],
  tick: [[1200, 0, 50]],
  paid: [[880, 0, 130], [1320, 150, 260]],
  not_paid: [[330, 0, 200], [247, 220, 320]],
  unknown: [[440, 0, 350]],
  attention: [[247, 0, 250], [247, 330, 250], [247, 660, 250]],
  offline: [[660, 0, 120], [440, 180, 120]],
};
const SAID = { key: "click", no: "short low tone", tick: "tick", paid: "♪ paid", not_paid: "♪ not paid",
  unknown: "♪ slow pulse: unknown", attention: "♪ three low tones: call for help", offline: "♪ falling: no connection" };
let sound = null;

function wake() { // browsers let a page sound only after a first touch
  sound ??= new AudioContext();
}

function hear(beep) {
  $("ear").textContent = SAID[beep] ?? beep;
  if (!sound) return;
  for (const [hertz, from, length] of SOUNDS[beep] ?? []) {
    const tone = sound.createOscillator();
    const loud = sound.createGain();
    const start = sound.currentTime + from / 1000;
    tone.type = "square";
    tone.frequency.value = hertz;
    loud.gain.value = 0.05;
    tone.connect(loud).connect(sound.destination);
    tone.start(start);
    tone.stop(start + length / 1000);
  }
}

// -- the phone ---------------------------------------------------------------------------------------------

let bill = null;

function tab(which) {
  for (const name of ["scan", "show"]) {
    $(`tab-${name}`).classList.toggle("on", name === which);
    $(`pane-${name}`).hidden = name !== which;
  }
  say("");
}
$("tab-scan").addEventListener("click", () => tab("scan"));
$("tab-show").addEventListener("click", () => tab("show"));

$("look").addEventListener("click", async () => {
  $("look").disabled = true; // an older look must not take away what a newer one saw
  const said = await act("look").finally(() => ($("look").disabled = false));
  bill = said.ok ? said.order : null;
  $("bill").hidden = !bill;
  if (bill) {
    $("bill-amount").textContent = `${bill.amount} ${bill.currency}`;
    $("bill-merchant").textContent = `to ${bill.merchant}`;
  }
});
$("pay").addEventListener("click", async () => {
  const said = await act("pay", { order_no: bill.order_no });
  if (said.ok) say("You have paid.");
  $("bill").hidden = true;
});
$("decline").addEventListener("click", async () => {
  const said = await act("decline", { order_no: bill.order_no });
  if (said.ok) say("You have declined.");
  $("bill").hidden = true;
});
$("open-code").addEventListener("click", async () => {
  const said = await act("open_code", { wallet: $("wallet").value, behaviour: $("behaviour").value });
  if (!said.ok) return;
  $("code").src = `/code.png?${said.code}`;
  $("code").hidden = false;
  $("confirm").disabled = $("behaviour").value !== "confirms";
  for (const id of ["camera", "scanner"]) $(id).disabled = false;
});
for (const id of ["camera", "scanner"]) $(id).addEventListener("click", () => act(id));
$("confirm").addEventListener("click", async () => {
  const said = await act("confirm");
  if (said.ok) say("You have paid.");
});

// -- the world ---------------------------------------------------------------------------------------------

let cut = false;
$("line").addEventListener("click", () => act(cut ? "restore" : "cut"));
$("kill").addEventListener("click", () => act("kill"));
$("restart").addEventListener("click", () => act("restart"));
$("misbehave").addEventListener("click", () =>
  act("misbehave", { rule: { kind: $("mischief").value, count: 1 } }));

function cell(text, kind = "") {
  const td = document.createElement("td");
  td.textContent = text ?? "";
  if (kind) td.className = kind;
  return td;
}

function money(sum) {
  if (!sum) return "";
  const digits = new Intl.NumberFormat("en", { style: "currency", currency: sum.currency })
    .resolvedOptions().maximumFractionDigits;
  return `${(sum.minor / 10 ** digits).toFixed(digits)} ${sum.currency}`;
}

const KIND = { paid: "paid", checking: "checking", waiting: "checking", attention: "unpaid" };
const clock = (utc) => new Date(utc).toLocaleTimeString();

function fill(id, rows) {
  $(id).tBodies[0].replaceChildren(...rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells);
    return tr;
  }));
}

function show(state) {
  cut = state.line_cut;
  $("line").textContent = cut ? "Restore the line" : "Cut the line";
  $("daemon").textContent = state.daemon ? (cut ? "running, line cut" : "running") : "off";
  $("daemon").classList.toggle("off", !state.daemon);
  $("kill").disabled = !state.daemon;
  $("restart").disabled = state.daemon;
  fill("journal", state.journal.map((row) => [cell(clock(row.utc)), cell(row.order_no, "no"), cell(row.mode),
    cell(money(row.amount)), cell(row.outcome, KIND[row.outcome] ?? "unpaid")]));
  fill("books", state.books.map((order) => [cell(order.order_no, "no"), cell(order.mode),
    cell(`${order.amount} ${order.currency}`), cell(order.state),
    cell(money({ minor: order.captured_minor, currency: order.currency })),
    cell(money({ minor: order.returned_minor, currency: order.currency }))]));
}

// -- what comes over the cables --------------------------------------------------------------------------------

let seen = -1;
let heard = -1;

async function follow() {
  for (;;) {
    try {
      const state = await (await fetch(`/state?seen=${seen}`)).json();
      if (state.seen !== seen) $("frame").src = `/frame.png?${state.seen}`;
      for (const [number, beep] of state.beeps) if (heard >= 0 && number > heard) hear(beep);
      heard = state.beeps.length ? state.beeps.at(-1)[0] : Math.max(heard, 0);
      seen = state.seen;
      show(state);
    } catch {
      $("daemon").textContent = "the bench has ended";
      $("daemon").classList.add("off");
      await new Promise((later) => setTimeout(later, 1000));
    }
  }
}
follow();
