/* The text box: Enter sends, Shift+Enter breaks, drafts survive a reload, the limit shows in time. */

import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { passing } from "../shared/storage.js";

const NEAR_LIMIT = 200;
const MAX_HEIGHT_PX = 160;
const TYPING_EVERY_MS = 3000;
const TYPING_ENDS_MS = 4000;

export class Composer {
  #form = byId("composer");
  #box = byId("message");
  #count = byId("count");
  #button = byId("send");
  #key;
  #onSend;
  #onTyping;
  #typingSince = 0;
  #typingTimer;
  limit = 4000;

  constructor({ site, onSend, onTyping }) {
    this.#key = `supportbot:draft:${site}`;
    this.#onSend = onSend;
    this.#onTyping = onTyping;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#box.addEventListener("keydown", (event) => this.#keyDown(event));
    this.#box.addEventListener("input", () => this.#changed());
    this.text = passing.get(this.#key) || "";
  }

  get text() {
    return this.#box.value;
  }

  set text(value) {
    this.#box.value = value;
    this.#draw();
  }

  focus() {
    this.#box.focus();
  }

  disable() {
    this.#box.disabled = true;
    this.#button.disabled = true;
  }

  // Enter also ends a word in an input method (keyCode 229 in Safari): that one is not ours.
  #keyDown(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.text.trim();
    if (!text || this.#left() < 0) return;
    this.text = "";
    this.#stopTyping();
    this.#onSend(text);
    this.focus();
  }

  #changed() {
    this.#draw();
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.#stopTyping(), TYPING_ENDS_MS);
    if (Date.now() - this.#typingSince < TYPING_EVERY_MS) return;
    this.#typingSince = Date.now();
    this.#onTyping(true);
  }

  #stopTyping() {
    clearTimeout(this.#typingTimer);
    if (this.#typingSince) this.#onTyping(false);
    this.#typingSince = 0;
  }

  // Counted as the server counts: in code points of what would be sent.
  #left() {
    return this.limit - Array.from(this.text.trim()).length;
  }

  #draw() {
    passing.set(this.#key, this.text);
    const left = this.#left();
    this.#count.hidden = left > NEAR_LIMIT;
    this.#count.classList.toggle("count--over", left < 0);
    this.#count.textContent = left > NEAR_LIMIT ? "" : t(left < 0 ? "over" : "left", { n: Math.abs(left) });
    this.#box.setAttribute("aria-invalid", String(left < 0));
    this.#button.setAttribute("aria-disabled", String(!this.text.trim() || left < 0));
    this.#box.style.height = "auto";
    this.#box.style.height = `${Math.min(this.#box.scrollHeight, MAX_HEIGHT_PX)}px`;
  }
}
