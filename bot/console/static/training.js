/* Training: a message is labelled by keyboard. Every key is a button of the page, which works without this. */
"use strict";

/* --- words of the example: chosen by mouse or by arrows, and put into the field that marks them --- */

let first = -1;
let last = -1;

function words() { return [...document.querySelectorAll("[data-example] [data-start]")]; }

function choose(from, to) {
  const all = words();
  if (!all.length) return;
  const inside = (index) => Math.max(0, Math.min(all.length - 1, index));
  first = inside(from);
  last = inside(to);
  const [low, high] = first < last ? [first, last] : [last, first];
  all.forEach((word, index) => word.classList.toggle("is-chosen", index >= low && index <= high));
  const range = document.createRange();
  range.setStartBefore(all[low]);
  range.setEndAfter(all[high]);
  const field = document.getElementById("letters");
  field.value = range.toString();
  document.querySelector("[data-at]").value = all[low].dataset.start;
}

function moveChoice(event) {
  const isForward = (event.key === "ArrowRight") === (getComputedStyle(document.getElementById("example")).direction === "ltr");
  const step = isForward ? 1 : -1;
  if (first < 0) choose(isForward ? 0 : words().length - 1, isForward ? 0 : words().length - 1);
  else if (event.shiftKey) choose(first, last + step);
  else choose(last + step, last + step);
  event.preventDefault();
}

function prepareExample() {
  const example = document.querySelector("[data-annotate] [data-example]");
  if (!example) return;
  first = last = -1;
  example.tabIndex = 0;
  example.setAttribute("role", "group");
  example.setAttribute("aria-labelledby", "example-label");
  example.setAttribute("aria-describedby", "letters-hint");
}

document.addEventListener("click", (event) => {
  const word = event.target.closest("[data-annotate] [data-start]");
  if (!word) return;
  const index = words().indexOf(word);
  if (event.shiftKey && first >= 0) choose(first, index);
  else choose(index, index);
});

document.addEventListener("input", (event) => {
  // What is typed is looked for from the beginning.
  if (event.target.id === "letters") document.querySelector("[data-at]").value = "";
});

/* After a mark is put or taken away the part of the page is new: on with the next one, or to what is wrong. */
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "marking") return;
  prepareExample();
  const wrong = document.querySelector("#letters[aria-invalid=true]");
  (wrong ?? document.getElementById("example"))?.focus();
});

/* --- the list of topics --- */

function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function search(wanted) {
  for (const topic of document.querySelectorAll("[data-topic]")) {
    let shown = 0;
    for (const label of topic.querySelectorAll("label")) {
      const value = label.querySelector("input").value.replaceAll("_", " ");
      label.hidden = !plain(`${label.textContent} ${value}`).includes(plain(wanted.trim()));
      shown += label.hidden ? 0 : 1;
    }
    topic.hidden = shown === 0;
  }
}

function takeFirst() {
  const found = [...document.querySelectorAll("[data-topic]:not([hidden]) label:not([hidden]) input")][0];
  if (found) {
    found.checked = true;
    found.focus();
  }
}

function openSearch() {
  document.querySelector(".tr-all").open = true;
  document.getElementById("find").focus();
}

/* --- keys --- */

function isTyping(target) {
  return target.matches("input:not([type=radio], [type=checkbox]), select, textarea");
}

function press(key) {
  const button = [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
  button?.click();
  return Boolean(button);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  if (target.id === "letters" || target.id === "kind") {
    if (key === "Enter") document.getElementById("mark").click();
    else if (key === "Escape") document.getElementById("content").focus();
    else return;
  } else if (target.id === "find") {
    if (key === "Enter" || key === "ArrowDown") takeFirst();
    else if (key === "Escape") document.getElementById("content").focus();
    else return;
  } else if (target.id === "example" && (key === "ArrowLeft" || key === "ArrowRight")) moveChoice(event);
  else if (target.id === "example" && key === "Enter") document.getElementById("kind").focus();
  else if (isTyping(target)) return;
  else if (key === "Escape") document.getElementById("content").focus();
  else if (key === "/") openSearch();
  else if (key === "?") document.querySelector(".tr-keys").toggleAttribute("open");
  else if (key.toLowerCase() === "e") document.getElementById("example").focus();
  else if (/^[1-9]$/.test(key)) {
    const choice = document.querySelectorAll(".tr-likely input")[Number(key) - 1];
    if (!choice) return;
    choice.checked = true;
    choice.focus();
  } else if (key === "Enter" && target.closest("a, button, summary")) return;
  else if (!press(key.length === 1 ? key.toLowerCase() : key)) return;
  event.preventDefault();
}

document.addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("[data-annotate]")) return;
  prepareExample();
  const find = document.getElementById("find");
  find.closest("[hidden]").hidden = false;
  find.addEventListener("input", () => search(find.value));
  document.addEventListener("keydown", onKey);
});
