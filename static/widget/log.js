/* The list of messages: durable ones in order of `seq`, then those on their way. */

import { byId } from "./dom.js";
import { messageItem, pendingItem, showProgress } from "./message_view.js";

const TOGETHER_MS = 120000;
const SETTLE_MS = 300;

export class Log {
  #region = byId("log");
  #list = byId("messages");
  #options;
  #pending = new Map();

  /** `options`: locale, cards, onFeedback(message, helpful), onRetry(clientId). */
  constructor(options) {
    this.#options = options;
  }

  /** The history is drawn: from now on a screen reader reads what is added. */
  becomeLive() {
    if (this.#region.getAttribute("aria-live") !== "off") return;
    // After a moment, or what was drawn just now would still count as added.
    setTimeout(() => {
      this.#region.setAttribute("aria-live", "polite");
      this.#region.setAttribute("aria-busy", "false");
    }, SETTLE_MS);
  }

  /** Add a durable message, in the place of the pending one it confirms; return its item. */
  add(message) {
    const item = messageItem(message, this.#options);
    const confirmed = this.#pending.get(message.client_id);
    this.#pending.delete(message.client_id);
    if (confirmed) this.#adopt(confirmed, message);
    else this.#list.insertBefore(item, this.#firstPending());
    this.#group(confirmed || item, message);
    return confirmed || item;
  }

  /** Show a message on its way, or how far it has come. */
  showPending(entry) {
    let item = this.#pending.get(entry.client_id);
    if (!item) {
      item = pendingItem(entry, this.#options);
      this.#pending.set(entry.client_id, item);
      this.#list.append(item);
    }
    showProgress(item, entry, this.#options.onRetry);
  }

  removePending(clientId) {
    this.#pending.get(clientId)?.remove();
    this.#pending.delete(clientId);
  }

  /** Empty the list; what comes next is history again. */
  clear() {
    this.#region.setAttribute("aria-live", "off");
    this.#region.setAttribute("aria-busy", "true");
    this.#list.replaceChildren();
    this.#pending.clear();
  }

  // The element stays the same, so that a screen reader doesn't read one's own words twice.
  #adopt(item, message) {
    item.dataset.seq = message.seq;
    item.dataset.message = message.message;
    delete item.dataset.state;
    item.querySelector(".msg__state")?.remove();
    // The server hides card numbers: what it did not keep is not shown either.
    const words = item.querySelector(".msg__body .plain");
    if (words && words.textContent !== message.text) words.textContent = message.text;
    const next = this.#firstPending();
    if (next && next !== item.nextSibling) this.#list.insertBefore(item, next);
  }

  #firstPending() {
    return this.#pending.values().next().value || null;
  }

  #group(item, { author, created_at: createdAt }) {
    const before = item.previousElementSibling;
    const who = `${author.kind} ${author.name}`;
    item.dataset.who = who;
    item.dataset.at = Date.parse(createdAt);
    const together = before?.dataset.who === who && item.dataset.at - before.dataset.at < TOGETHER_MS;
    item.classList.toggle("msg--next", Boolean(together));
  }
}
