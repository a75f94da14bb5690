/* What the pages do beyond links and forms. Every page works without it. */
"use strict";

document.documentElement.classList.add("js");

/* The menu of small screens. */
function toggleMenu(button) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
}

/* Put the text of an element on the clipboard, and say so on the button for two seconds. */
async function copyFrom(button) {
  const source = document.getElementById(button.dataset.copy);
  const text = "value" in source ? source.value : source.innerText.trim();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http gives no clipboard: the text is selected, for the keyboard.
    if ("select" in source) source.select();
    else getSelection().selectAllChildren(source);
    return;
  }
  const words = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = words; }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.hasAttribute("data-menu")) toggleMenu(button);
  else if (button?.hasAttribute("data-copy")) copyFrom(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const button = document.querySelector("[data-menu][aria-expanded=true]");
  if (button) {
    toggleMenu(button);
    button.focus();
  }
});

/* A form that was refused: to what is wrong. In a low window the menu scrolls: to where one is. */
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest" });
  document.querySelector("[aria-invalid=true]")?.focus();
});
