/* The reply box: keeps its draft, sends once, and says near the box what went wrong. */

import { post } from "./post.js";
import { passing } from "../shared/storage.js";

export class Composer {
  #form;
  #box;
  #id;
  #problem;
  #key;
  #options;
  #isSending = false;
  #attempted = null;

  /** `onSent(isStored)` is called after a try to send, `onWrite(isWriting)` while somebody writes. */
  constructor({ form, conversation, onSent, onWrite }) {
    this.#form = form;
    this.#box = form.elements.namedItem("text");
    this.#id = form.elements.namedItem("client_id");
    this.#problem = document.getElementById("reply-problem");
    this.#key = `desk.draft.${conversation}`;
    this.#options = { onSent, onWrite };
    this.#restore();
    this.#box.addEventListener("input", () => this.#keep());
    this.#box.addEventListener("keydown", (event) => this.#sendByKey(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Show the box while there is somebody to write to, or a draft worth keeping; only the holder writes. */
  show({ isOpen, isMine }) {
    this.#form.hidden = !isOpen && !this.#box.value;
    this.#box.disabled = !isMine;
    this.#form.querySelector("#send").disabled = !isMine;
  }

  focus() {
    this.#box.focus({ preventScroll: true });
    // A focus alone shows no more than the line with the caret.
    this.#box.scrollIntoView({ block: "nearest" });
  }

  /** A draft keeps its id: sent twice, over a reload or a lost answer, it is stored once. */
  #restore() {
    const draft = passing.get(this.#key);
    if (!draft || this.#box.value) return;
    this.#box.value = draft.text;
    this.#id.value = draft.id;
    this.#attempted = draft.attempted ?? null;
  }

  #keep() {
    this.#options.onWrite(true);
    // What was changed after a try whose answer was lost is another reply.
    if (this.#attempted !== null && this.#attempted !== this.#box.value) {
      this.#id.value = newId();
      this.#attempted = null;
    }
    this.#store();
  }

  #store() {
    const draft = { text: this.#box.value, id: this.#id.value, attempted: this.#attempted };
    if (draft.text) passing.set(this.#key, draft);
    else passing.remove(this.#key);
  }

  #sendByKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  async #send() {
    if (this.#isSending || this.#box.disabled || !this.#box.value.trim()) return;
    this.#isSending = true;
    this.#attempted = this.#box.value;
    this.#store();
    this.#problem.textContent = "";
    const answer = await post(this.#form.action, this.#form);
    this.#isSending = false;
    this.#options.onWrite(false);
    if (answer.ok) this.#sent(answer);
    else this.#problem.textContent = answer.detail;
    this.#options.onSent(answer.ok);
  }

  #sent(answer) {
    // Written on while the reply was under way: that is the next one's draft.
    const rest = this.#box.value === this.#attempted ? "" : this.#box.value;
    this.#box.value = rest;
    this.#id.value = answer.next_client_id;
    this.#attempted = null;
    this.#store();
  }
}

/** A random UUID; `crypto.randomUUID` exists on secure origins only. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
