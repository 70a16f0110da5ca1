/* Messages the server has not acknowledged: kept over a reload, sent again with the same id. */

import { passing } from "../shared/storage.js";
import { uuid4 } from "./uuid.js";

const GIVE_UP_AFTER_MS = 20000;

export class Outbox {
  #key;
  #send;
  #onChange;
  #onRefused;
  #timers = new Map();

  /** `send(frame)` answers whether it left; `onRefused(entry, detail)` gets a message back. */
  constructor({ site, send, onChange, onRefused }) {
    this.#key = `supportbot:outbox:${site}`;
    this.#send = send;
    this.#onChange = onChange;
    this.#onRefused = onRefused;
    this.entries = (passing.get(this.#key) || []).map((entry) => ({ ...entry, state: "sending" }));
  }

  /** Whether something is on its way, given up for now left aside. */
  get isSending() {
    return this.entries.some(({ state }) => state !== "failed");
  }

  /** Take a new message; it is on its way from now on. */
  add(text) {
    const entry = { client_id: uuid4(), text, created_at: new Date().toISOString(), state: "sending" };
    this.entries.push(entry);
    this.#save();
    this.#push(entry);
  }

  /** Send everything unacknowledged again, in order: after each welcome. */
  resend() {
    this.entries.filter(({ state }) => state !== "sent").forEach((entry) => this.#push(entry));
  }

  /** The server was too busy to look: try everything again after `seconds`. */
  resendIn(seconds = 5) {
    setTimeout(() => this.resend(), seconds * 1000);
  }

  retry(clientId) {
    const entry = this.#find(clientId);
    if (entry) this.#push(entry);
  }

  /** The server has it; it leaves the list when the message itself arrives. */
  acknowledge(clientId) {
    const entry = this.#find(clientId);
    if (entry) this.#set(entry, "sent");
  }

  /** The message is in the conversation now. */
  settle(clientId) {
    this.#clear(clientId);
    this.entries = this.entries.filter((entry) => entry.client_id !== clientId);
    this.#save();
  }

  /** The server refused it: wait as told and try again, or give the text back. */
  refuse(clientId, { code, detail, retry_after: retryAfter }) {
    const entry = this.#find(clientId);
    if (!entry) return;
    if (code === "rate_limited" || retryAfter) {
      this.#later(clientId, () => this.#push(entry), (retryAfter || 5) * 1000);
      return;
    }
    this.settle(clientId);
    this.#onRefused(entry, detail);
  }

  clear() {
    this.entries.slice().forEach((entry) => this.settle(entry.client_id));
  }

  #push(entry) {
    this.#set(entry, "sending");
    this.#send({ type: "message", client_id: entry.client_id, text: entry.text });
    this.#later(entry.client_id, () => this.#set(entry, "failed"), GIVE_UP_AFTER_MS);
  }

  #set(entry, state) {
    entry.state = state;
    if (state === "sent") this.#clear(entry.client_id);
    this.#save();
    this.#onChange(entry);
  }

  #later(clientId, action, delay) {
    this.#clear(clientId);
    this.#timers.set(clientId, setTimeout(action, delay));
  }

  #clear(clientId) {
    clearTimeout(this.#timers.get(clientId));
    this.#timers.delete(clientId);
  }

  #find(clientId) {
    return this.entries.find((entry) => entry.client_id === clientId);
  }

  // An acknowledged message is the server's: keeping it would send it again after a reload.
  #save() {
    passing.set(this.#key, this.entries.filter(({ state }) => state !== "sent"));
  }
}
