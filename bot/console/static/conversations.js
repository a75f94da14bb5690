/* Conversations: keep the end of a thread in sight, drafts, Ctrl+Enter, ready answers, and a bell for who waits. */
"use strict";

const BELL = "console-bell";
let atEnd = true;
let waiting = null;
let audio = null;

/* --- the thread --- */

function scroller() { return document.querySelector("[data-scroll]"); }

function toEnd() {
  const box = scroller();
  if (box && box.hasAttribute("data-end")) box.scrollTop = box.scrollHeight;
}

function watchEnd() {
  const box = scroller();
  if (!box) return;
  const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  if (target && box.contains(target)) target.scrollIntoView({ block: "center" });
  else toEnd();
  box.addEventListener("scroll", () => { atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60; });
}

/* --- drafts: what is typed outlives a reload and a colleague who takes over --- */

function draftKey(field) { return `draft-${field.dataset.draft}`; }

function restoreDraft() {
  const field = document.querySelector("textarea[data-draft]");
  if (field && !field.value) field.value = sessionStorage.getItem(draftKey(field)) ?? "";
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("textarea[data-draft]")) {
    sessionStorage.setItem(draftKey(event.target), event.target.value);
  }
});

document.addEventListener("said", () => {
  const field = document.querySelector("textarea[data-draft]");
  if (field) sessionStorage.removeItem(draftKey(field));
  atEnd = true;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea[data-draft]")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

function insert(button) {
  const field = document.getElementById("answer");
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  button.closest("details").open = false;
  field.focus();
}

/* --- the bell --- */

function bellIsOn() { return localStorage.getItem(BELL) === "on"; }

function showBell() {
  const button = document.querySelector("[data-bell]");
  if (!button) return;
  button.closest("[data-bell-box]").hidden = false;
  button.setAttribute("aria-pressed", String(bellIsOn()));
}

async function toggleBell(button) {
  const on = !bellIsOn();
  localStorage.setItem(BELL, on ? "on" : "off");
  button.setAttribute("aria-pressed", String(on));
  const status = document.querySelector("[data-bell-status]");
  status.textContent = "";
  if (!on) return;
  audio ??= new AudioContext();
  ring();
  if (!("Notification" in window)) return;
  const permission = await Notification.requestPermission();
  if (permission === "denied") status.textContent = button.dataset.denied;
}

/* Two short tones, made here: no file to load. */
async function ring() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") await audio.resume();
  for (const [start, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const at = audio.currentTime + start;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.16);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.17);
  }
}

function countWaiting() {
  const shown = document.querySelector("[data-waiting]");
  if (!shown) return;
  const source = document.querySelector("#rows[data-waiting]") ?? shown;
  const count = Number(source.dataset.waiting);
  const badge = document.querySelector(".cv-views [data-waiting]");
  if (badge) {
    badge.textContent = String(count);
    badge.classList.toggle("warm", count > 0);
  }
  if (waiting !== null && count > waiting && bellIsOn()) {
    ring();
    const words = document.querySelector("[data-bell]").dataset;
    if (document.hidden && "Notification" in window && Notification.permission === "granted") {
      new Notification(words.title, { body: words.body, tag: BELL });
    }
  }
  waiting = count;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.hasAttribute("data-bell")) toggleBell(button);
  else if (button?.hasAttribute("data-insert")) insert(button);
});

/* --- looking for news --- */

/* Nobody looks and nobody listens: no need to ask. A text that is being selected is not taken away. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const id = event.target.id;
  if (id !== "rows" && id !== "news") return;
  const selection = getSelection();
  const selects = id === "rows" && !selection.isCollapsed && event.target.contains(selection.anchorNode);
  if ((document.hidden && !bellIsOn()) || selects) event.preventDefault();
});

document.addEventListener("htmx:afterSettle", () => {
  restoreDraft();
  countWaiting();
  if (atEnd) toEnd();
  document.querySelector("#composer [aria-invalid=true]")?.focus();
});

/* What could not be sent is still in its field; say so. */
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => {
    const notice = event.target.closest("form")?.querySelector("[data-not-sent]");
    if (notice && event.target.matches("form")) notice.hidden = false;
  });
}

document.addEventListener("DOMContentLoaded", () => {
  watchEnd();
  restoreDraft();
  showBell();
  countWaiting();
  if (/[?&]done=(taken|said|extended)/.test(location.search)) {
    document.getElementById("answer")?.focus({ preventScroll: true });
  }
});
