// The chat page. It talks to POST /web/messages, asks POST /web/updates for what comes unasked, and keeps the
// conversation in this browser's localStorage.
// Every text, ours or the person's, goes into the page as a text node: nothing here parses markup.

const { labels, directions, languages, limit_chars: LIMIT_CHARS } = JSON.parse(
  document.getElementById("settings").textContent,
);

const STORE_KEY = "mnc-chat";
const HISTORY_LIMIT = 200;
// The counter shows from this many characters before the limit.
const COUNTER_FROM_CHARS = 150;
// The server gives up first, with 503; this is for a connection that died without a word.
const TIMEOUT_MS = 75_000;
// What comes unasked is asked for often while somebody is talking, less often later, seldom while nobody looks.
const PAUSES_MS = { talking: 3_000, quiet: 15_000, hidden: 60_000 };
const TALKING_MS = 120_000;
const UPDATES_TIMEOUT_MS = 20_000;
// So near to the end of the conversation the reader is at its end.
const END_PX = 48;
const WEB_ADDRESS = /https?:\/\/[^\s<>"'«»“”]+/giu;
const LINK_PROTOCOLS = new Set(["http:", "https:", "mailto:", "tel:"]);

const page = Object.fromEntries(
  ["scroll", "log", "typing", "composer", "text", "counter", "count-status", "send", "chooser", "language",
    "language-name", "languages", "restart", "confirm", "confirm-no", "confirm-yes"]
    .map((id) => [id, document.getElementById(id)]),
);

// --- what is remembered ---------------------------------------------------------------------------------------------

// state: { sender, variety, language, seen, history: [message] }, oldest message first. A message is
//   of the person:     { id, who: "you", text, payload?, variety?, state: "pending" | "sent" | "failed", error? }
//   of the assistant:  { id, who: "bot", text, buttons, variety, unasked? }, with the server's id
// A message of the person without a text (the first "/start") has no bubble.
// seen: up to this id of the server everything unasked is in the history; older stored states have none.
let state = load() ?? fresh();

function fresh() {
  return { sender: newSender(), variety: "fr", language: "auto", seen: 0, history: [] };
}

function load() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE_KEY));
    const sound = stored && typeof stored.sender === "string" && Array.isArray(stored.history)
      && stored.variety in labels;
    return sound ? stored : null;
  } catch {
    return null; // storage is switched off, or holds something that is not ours: the conversation starts anew
  }
}

function save() {
  state.history = state.history.slice(-HISTORY_LIMIT);
  try {
    localStorage.setItem(STORE_KEY, JSON.stringify(state));
  } catch {
    // No storage, or it is full: the conversation goes on and a reload forgets it.
  }
}

function newSender() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // randomUUID exists on https and localhost only; on a plain http address a UUID is made by hand (RFC 9562, v4).
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function newId() {
  return crypto.getRandomValues(new Uint32Array(2)).join("-");
}

// --- labels and direction -------------------------------------------------------------------------------------------

function label(key) {
  return labels[state.variety][key];
}

function applyVariety() {
  const root = document.documentElement;
  root.lang = state.variety;
  root.dir = directions[state.variety];
  applyTitle();
  for (const element of document.querySelectorAll("[data-label]")) {
    element.textContent = label(element.dataset.label);
  }
  for (const element of document.querySelectorAll("[data-aria-label]")) {
    element.setAttribute("aria-label", label(element.dataset.ariaLabel));
  }
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = label(element.dataset.placeholder);
  }
  if (page.typing.firstChild) showTyping(true);
  applyLanguage();
  applyText();
}

// How many messages came unasked while the page was hidden stands before its title, where the browser's tabs show it.
let unread = 0;

function applyTitle() {
  document.title = unread ? `(${unread}) ${label("title")}` : label("title");
}

function applyLanguage() {
  const name = page["language-name"];
  name.textContent = languages[state.language] ?? label("automatic");
  const tag = state.language in languages ? state.language : state.variety;
  name.lang = tag;
  name.dir = directions[tag];
  for (const choice of page.languages.children) {
    choice.setAttribute("aria-pressed", String(choice.dataset.language === state.language));
  }
}

// --- bubbles --------------------------------------------------------------------------------------------------------

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function safeAddress(address) {
  try {
    const url = new URL(address);
    return LINK_PROTOCOLS.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function link(href, text, className) {
  const made = element("a", className, text);
  made.href = href;
  made.title = label("new_tab");
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

// The text as nodes, with web addresses as links. What ends a sentence is not part of an address before it, nor is a
// bracket that the address did not open.
function linkify(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(WEB_ADDRESS)) {
    let address = match[0].replace(/[.,;:!?…،؛؟*_]+$/u, "");
    while (/[)\]}]$/.test(address) && !hasOpener(address)) {
      address = address.slice(0, -1).replace(/[.,;:!?…،؛؟]+$/u, "");
    }
    const href = safeAddress(address);
    if (!href) continue;
    nodes.push(text.slice(end, match.index));
    const made = link(href, address);
    made.dir = "ltr";
    nodes.push(made);
    end = match.index + address.length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

function hasOpener(address) {
  const closing = address.at(-1);
  const opening = { ")": "(", "]": "[", "}": "{" }[closing];
  return address.split(opening).length >= address.split(closing).length;
}

function bubble(message) {
  const mine = message.who === "you";
  const text = element("div", "text", ...linkify(message.text));
  text.dir = mine ? "auto" : direction(message);
  if (message.variety && (mine || text.dir === directions[message.variety])) text.lang = message.variety;
  const who = element("span", "hidden", `${label(mine ? "you" : "assistant")} : `);
  const made = element("div", `message ${mine ? "you" : "bot"}`);
  made.dataset.id = message.id;
  made.tabIndex = -1;
  if (message.text) made.append(element("div", "bubble", who, text));
  if (mine && message.state === "failed") made.append(failure(message));
  made.classList.toggle("pending", message.state === "pending");
  return made;
}

// The direction of a message's variety, but staff may write French to somebody who writes Arabic, or the reverse. Latin
// names and addresses stand in any Arabic text, so only one without an Arabic letter is not Arabic.
function direction(message) {
  const arabic = message.text.match(/\p{Script=Arabic}/gu)?.length ?? 0;
  const latin = message.text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  if (arabic > latin) return "rtl";
  if (latin && !arabic) return "ltr";
  return directions[message.variety] ?? "auto";
}

function failure(message) {
  const refused = message.error === "refused";
  const action = element("button", "retry", label(refused && message.text ? "edit" : "retry"));
  action.type = "button";
  action.addEventListener("click", () => (refused && message.text && !message.payload ? edit(message) : retry(message)));
  return element("div", "failure", element("span", "", label(message.error)), action);
}

function choices(message) {
  const made = element("div", "choices");
  made.lang = message.variety;
  made.dir = directions[message.variety];
  for (const choice of message.buttons) {
    const href = choice.url && safeAddress(choice.url);
    if (href) {
      made.append(link(href, choice.title, "choice"));
    } else if (choice.payload) {
      const button = element("button", "choice", choice.title);
      button.type = "button";
      button.addEventListener("click", () => say(choice.title, choice.payload));
      made.append(button);
    }
  }
  return made;
}

// The whole log from the history. Choices stand only under the answers to the last message.
function renderAll() {
  page.log.setAttribute("aria-busy", "true");
  page.log.replaceChildren();
  const last = state.history.findLastIndex((message) => message.who === "you");
  state.history.forEach((message, at) => add(message, at > last));
  page.log.setAttribute("aria-busy", "false");
  page.scroll.scrollTop = page.scroll.scrollHeight;
}

function add(message, withChoices) {
  const made = bubble(message);
  if (withChoices && message.buttons?.length) made.append(choices(message));
  page.log.append(made);
  return made;
}

function find(message) {
  return page.log.querySelector(`[data-id="${CSS.escape(message.id)}"]`);
}

function redraw(message) {
  const old = find(message);
  const focused = old?.contains(document.activeElement);
  const made = bubble(message);
  old?.replaceWith(made);
  if (focused) made.focus({ preventScroll: true });
}

function removeChoices() {
  for (const old of page.log.querySelectorAll(".choices")) old.remove();
}

// Brings the question to the top, so that a long answer is read from its beginning.
function scrollTo(made) {
  const target = made.getBoundingClientRect().top - page.log.getBoundingClientRect().top;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  page.scroll.scrollTo({ top: target, behavior: calm ? "instant" : "smooth" });
}

function isAtEnd() {
  return page.scroll.scrollHeight - page.scroll.scrollTop - page.scroll.clientHeight < END_PX;
}

function showTyping(typing) {
  page.typing.replaceChildren();
  if (!typing) return;
  const dots = element("span", "dots", element("i"), element("i"), element("i"));
  dots.setAttribute("aria-hidden", "true");
  page.typing.append(dots, element("span", "hidden", `${label("assistant")} ${label("typing")}`));
}

// --- sending --------------------------------------------------------------------------------------------------------

// One request at a time, in the order of sending.
let queue = Promise.resolve();
let waiting = 0;

function enqueue(message) {
  const { sender } = state;
  waiting += 1;
  showTyping(true);
  queue = queue.catch(() => {}).then(() => deliver(sender, message)).finally(() => {
    waiting -= 1;
    if (!waiting) showTyping(false);
  });
}

async function post(sender, message) {
  // With the message's own id, trying again asks for the answer to the same message and stores no second one.
  const said = message.payload ? { payload: message.payload } : { text: message.text };
  const body = { sender, ...said, ...(message.id && { id: message.id }) };
  let response;
  try {
    response = await fetch("/web/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) {
      const answer = await response.json();
      return Array.isArray(answer?.replies) ? { answer } : { error: "offline" };
    }
  } catch (error) {
    return { error: error.name === "TimeoutError" ? "slow" : "offline" };
  }
  if (response.status === 422 || response.status === 413) return { error: "refused" };
  return { error: response.status === 503 || response.status === 429 ? "slow" : "offline" };
}

async function deliver(sender, message) {
  if (sender !== state.sender) return; // a new conversation began while this one waited
  const { answer, error } = await post(sender, message);
  if (sender !== state.sender) return;
  // Another tab may have replaced the history meanwhile: the message is found again by its id.
  const own = state.history.find((other) => other.id === message.id);
  if (error) {
    if (own) {
      Object.assign(own, { state: "failed", error });
      redraw(own);
      scrollTo(find(own));
    }
    save();
    return;
  }
  if (own) {
    Object.assign(own, { state: "sent", variety: answer.variety });
    redraw(own);
  }
  followLanguage(message.payload);
  // Nothing comes back while staff have the conversation: the message is sent, and their words come unasked.
  const replies = keep(answer.replies);
  if (replies.length) {
    state.variety = replies.at(-1).variety;
    if (document.documentElement.lang !== state.variety) applyVariety();
    removeChoices();
  }
  applyLanguage();
  showTyping(false);
  const made = replies.map((reply) => add(reply, true));
  const first = (own && find(own)) ?? made[0];
  if (first) scrollTo(first);
  if (waiting > 1) showTyping(true);
  save();
  stayTalking();
}

// Puts what the server sent into the history, without what is there already; gives what is new.
function keep(replies, more = {}) {
  const ids = new Set(state.history.map((message) => message.id));
  const come = replies.map((reply) => ({
    id: String(reply.id), who: "bot", text: reply.text, buttons: reply.buttons ?? [], variety: known(reply.variety),
    ...more,
  })).filter((message) => !ids.has(message.id));
  if (come.length) {
    // Only the newest have choices, also after a reload.
    for (const earlier of state.history) if (earlier.buttons) earlier.buttons = [];
    state.history.push(...come);
  }
  return come;
}

function known(variety) {
  return variety in labels ? variety : state.variety;
}

// A language chosen by a button under an answer shows in the chooser too.
function followLanguage(payload) {
  const chosen = /^\/change_language\s*(\{.*\})$/s.exec(payload ?? "");
  if (!chosen) return;
  try {
    const { language } = JSON.parse(chosen[1]);
    if (language in languages || language === "auto") state.language = language;
  } catch {
    // Not a payload of ours: the chooser stays as it is.
  }
}

function say(text, payload) {
  const message = { id: newId(), who: "you", text, state: "pending", ...(payload && { payload }) };
  // Choices disappear, and with them the focus if it was on one: it goes to the new bubble, just before the answer.
  const onChoice = document.activeElement?.closest(".choices");
  removeChoices();
  state.history.push(message);
  save();
  const made = add(message, false);
  if (onChoice) made.focus({ preventScroll: true });
  scrollTo(made);
  enqueue(message);
  stayTalking();
}

function retry(message) {
  Object.assign(message, { state: "pending", error: undefined });
  redraw(message);
  save();
  enqueue(message);
}

// A text that was refused would be refused again: it goes back where it can be changed.
function edit(message) {
  state.history = state.history.filter((other) => other !== message);
  find(message)?.remove();
  save();
  page.text.value = [message.text, page.text.value].filter(Boolean).join("\n");
  applyText();
  page.text.focus();
}

function begin() {
  // A new sender is new to the server: a language that the person chose is said again before the welcome.
  if (state.language in languages) {
    enqueueQuietly(`/change_language${JSON.stringify({ language: state.language })}`);
  }
  say("", "/start");
}

function enqueueQuietly(payload) {
  const { sender } = state;
  queue = queue.catch(() => {}).then(() => (sender === state.sender ? post(sender, { payload }) : null));
}

// --- what comes unasked ---------------------------------------------------------------------------------------------

// What staff write, reminders and other notices answer nothing that the page sent: it asks for them.
const tabs = openTabs();
let timer;
let asking = false;
let failures = 0;
let talkedAt = performance.now();

function openTabs() {
  try {
    return new BroadcastChannel(STORE_KEY);
  } catch {
    return null; // storage is switched off: no two tabs have the same conversation
  }
}

function planUpdates() {
  const isTalking = performance.now() - talkedAt < TALKING_MS;
  const pause = document.hidden ? PAUSES_MS.hidden : isTalking ? PAUSES_MS.talking : PAUSES_MS.quiet;
  clearTimeout(timer);
  timer = setTimeout(askUpdates, Math.min(pause * 2 ** failures, PAUSES_MS.hidden));
}

function stayTalking() {
  talkedAt = performance.now();
  planUpdates();
}

async function askUpdates() {
  if (asking) return; // the one on its way plans the next
  asking = true;
  clearTimeout(timer);
  const { sender, seen = 0 } = state;
  const newest = Math.max(0, ...state.history.map((message) => Number(message.id) || 0));
  try {
    const messages = await alone(sender, () => fetchUpdates(sender, seen));
    if (messages === null) failures += 1;
    if (!messages) return;
    failures = 0;
    tabs?.postMessage(sender);
    if (sender !== state.sender) return;
    // Not the id of a reply that came meanwhile: something unasked may have been stored shortly before it.
    state.seen = Math.max(state.seen ?? 0, messages.at(-1)?.id ?? newest);
    const come = keep(messages, { unasked: true });
    if (!come.length) return;
    save();
    showUnasked(come);
    talkedAt = performance.now();
  } finally {
    asking = false;
    planUpdates();
  }
}

// One tab asks at a time; the others get what came through the storage. Undefined when it is another's turn.
async function alone(sender, ask) {
  const name = `${STORE_KEY}:${sender}`;
  try {
    return await navigator.locks.request(name, { ifAvailable: true }, (lock) => (lock ? ask() : undefined));
  } catch {
    return ask(); // no locks on a plain http address: every tab asks, and what comes twice is kept once
  }
}

// The messages, or null when there is no answer; never throws. Nobody waits for it, so an error is not shown.
async function fetchUpdates(sender, after) {
  try {
    const response = await fetch("/web/updates", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sender, after }),
      signal: AbortSignal.timeout(UPDATES_TIMEOUT_MS),
    });
    const answer = response.ok ? await response.json() : null;
    return Array.isArray(answer?.messages) ? answer.messages : null;
  } catch {
    return null;
  }
}

// Nobody asked for it now: what is being read stays where it is, and the language of the page what it is.
function showUnasked(messages) {
  const wasAtEnd = isAtEnd();
  // A choice that has the focus goes away with the others: its message keeps the focus in the place.
  document.activeElement?.closest(".choices")?.closest(".message").focus({ preventScroll: true });
  removeChoices();
  const made = messages.map((message) => add(message, true));
  if (wasAtEnd) scrollTo(made[0]);
  countUnread(messages.length);
}

function countUnread(count) {
  if (!document.hidden || !count) return;
  unread += count;
  applyTitle();
}

function askNow() {
  failures = 0;
  askUpdates();
}

addEventListener("online", askNow);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    planUpdates();
    return;
  }
  unread = 0;
  applyTitle();
  stayTalking();
  askNow();
});
// Another tab has just asked: the next turn is a whole pause later.
tabs?.addEventListener("message", (event) => {
  if (event.data === state.sender) planUpdates();
});

// --- the composer ---------------------------------------------------------------------------------------------------

// Characters as the server counts them: code points, not UTF-16 units.
function countChars(text) {
  return Array.from(text).length;
}

let countTimer;

function applyText() {
  const { value } = page.text;
  const count = countChars(value.trim());
  // An empty dir=auto field is left to right, which would put an Arabic placeholder on the wrong side.
  page.text.dir = value ? "auto" : document.documentElement.dir;
  page.text.style.height = "auto";
  page.text.style.height = `${page.text.scrollHeight}px`;
  const near = count > LIMIT_CHARS - COUNTER_FROM_CHARS;
  const over = count > LIMIT_CHARS;
  page.counter.hidden = !near;
  page.counter.textContent = String(LIMIT_CHARS - count).replace("-", "\u200e−");
  page.composer.classList.toggle("over", over);
  page.text.setAttribute("aria-invalid", String(over));
  page.send.setAttribute("aria-disabled", String(count === 0 || over));
  clearTimeout(countTimer);
  // Said after a pause, or a screen reader would read a number at every key.
  countTimer = setTimeout(() => {
    page["count-status"].textContent = near
      ? label(over ? "excess" : "left").replace("{count}", Math.abs(LIMIT_CHARS - count))
      : "";
  }, 800);
}

function submit() {
  const text = page.text.value.trim();
  if (!text || countChars(text) > LIMIT_CHARS) {
    page.text.focus();
    return;
  }
  page.text.value = "";
  applyText();
  say(text);
}

page.text.addEventListener("input", applyText);
page.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
page.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

// --- the language menu and the new conversation ---------------------------------------------------------------------

function openMenu(open) {
  page.language.setAttribute("aria-expanded", String(open));
  page.languages.hidden = !open;
}

page.language.addEventListener("click", () => {
  openMenu(page.languages.hidden);
  if (!page.languages.hidden) page.languages.querySelector('[aria-pressed="true"]')?.focus();
});
page.languages.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-language]");
  if (!choice) return;
  openMenu(false);
  page.language.focus();
  say(choice.textContent, `/change_language${JSON.stringify({ language: choice.dataset.language })}`);
});
page.chooser.addEventListener("keydown", (event) => {
  if (page.languages.hidden) return;
  const items = [...page.languages.children];
  const at = items.indexOf(document.activeElement);
  const move = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Escape") {
    openMenu(false);
    page.language.focus();
  } else if (move !== undefined) {
    event.preventDefault();
    items[move % items.length].focus();
  }
});
page.chooser.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !page.chooser.contains(event.relatedTarget)) openMenu(false);
});
document.addEventListener("pointerdown", (event) => {
  if (!page.chooser.contains(event.target)) openMenu(false);
});

page.restart.addEventListener("click", () => page.confirm.showModal());
page["confirm-no"].addEventListener("click", () => page.confirm.close());
page.confirm.addEventListener("click", (event) => {
  if (event.target === page.confirm) page.confirm.close(); // the backdrop
});
page["confirm-yes"].addEventListener("click", () => {
  page.confirm.close();
  state = { ...fresh(), variety: state.variety, language: state.language };
  renderAll();
  begin();
  page.text.focus();
});

// --- start ----------------------------------------------------------------------------------------------------------

// Another tab of the same browser goes on with the same conversation.
addEventListener("storage", (event) => {
  if (event.key !== STORE_KEY || !event.newValue) return;
  const before = new Map(state.history.map(({ id, state: at }) => [id, at]));
  const { sender } = state;
  state = load() ?? state;
  const changed = state.history.filter(({ id, state: at }) => !before.has(id) || before.get(id) !== at);
  const unasked = state.sender === sender ? changed.filter((message) => message.unasked) : [];
  if (unasked.length && unasked.length === changed.length) {
    showUnasked(unasked);
    return;
  }
  applyVariety();
  renderAll();
  countUnread(unasked.length);
});

// A message that was on its way when the page was left: whether it arrived is not known.
for (const message of state.history) {
  if (message.state === "pending") Object.assign(message, { state: "failed", error: "slow" });
}
applyVariety();
renderAll();
if (state.history.length) askUpdates();
else begin();
