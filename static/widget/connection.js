/* The websocket: says hello, keeps alive, and comes back by itself after any loss. */

import { backoffDelay } from "./backoff.js";
import { Keepalive } from "./keepalive.js";

const UNAUTHENTICATED = 4401;
const FORBIDDEN = 4403;
const FLOOD = 4429;
const FLOOD_PAUSE_MS = 10000;

export class Connection {
  #openSession;
  #url;
  #lastSeq;
  #onFrame;
  #onState;
  #socket = null;
  #session = null;
  #attempt = 0;
  #refusals = 0;
  #retryTimer;
  #keepalive = new Keepalive({ ping: () => this.send({ type: "ping" }), onSilence: () => this.#closed() });
  #waiting = [];

  /** `openSession(anew)` answers a session; `lastSeq()` the cursor; `onState(state, code)` online/offline/stopped. */
  constructor({ openSession, url, lastSeq, onFrame, onState }) {
    this.#openSession = openSession;
    this.#url = url;
    this.#lastSeq = lastSeq;
    this.#onFrame = onFrame;
    this.#onState = onState;
    this.state = "offline";
  }

  /** Connect now, whatever was going on; `fresh` asks for the session anew. */
  async connect({ fresh = false } = {}) {
    this.#drop();
    if (fresh) this.#session = null;
    const token = Symbol("attempt");
    this.#socket = token;
    try {
      // Refused right after it was opened: that token is worth nothing, another one is needed.
      this.#session ??= await this.#openSession(this.#refusals > 1);
    } catch (error) {
      if (this.#socket === token) this.#failed(error);
      return;
    }
    if (this.#socket === token) this.#openSocket();
  }

  /** Send now; false when there is no connection. */
  send(frame) {
    if (this.state !== "online") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Send now or after the next welcome: for wishes that may be repeated without harm. */
  sendSoon(frame) {
    if (this.send(frame)) return;
    this.#waiting = this.#waiting.filter(({ type, message }) => type !== frame.type || message !== frame.message).concat(frame);
  }

  /** Say hello again: something was missed. */
  resync() {
    this.#retry(0);
  }

  /** Come back at once if a wait is under way: the network or the tab has woken up. */
  wake() {
    if (this.#retryTimer) this.connect();
  }

  #openSocket() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    const mine = (handle) => (event) => socket === this.#socket && handle(event);
    socket.addEventListener("open", mine(() => this.#hello()));
    socket.addEventListener("message", mine((event) => this.#receive(event.data)));
    socket.addEventListener("close", mine((event) => this.#closed(event.code)));
    this.#keepalive.expect();
  }

  #hello() {
    this.#socket.send(JSON.stringify({ type: "hello", token: this.#session.token, after: this.#lastSeq() }));
  }

  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    this.#keepalive.heard();
    if (frame.type === "welcome") this.#welcomed();
    this.#onFrame(frame);
    if (frame.type === "welcome") this.#waiting.splice(0).forEach((waiting) => this.send(waiting));
  }

  #welcomed() {
    this.#attempt = 0;
    this.#refusals = 0;
    this.#keepalive.start();
    this.#setState("online");
  }

  #closed(code) {
    if (code === FORBIDDEN) return this.#stop("forbidden");
    if (code === UNAUTHENTICATED) {
      this.#session = null;
      this.#refusals += 1;
    }
    return this.#retry(code === FLOOD ? FLOOD_PAUSE_MS : 0);
  }

  #failed(error) {
    if (error.fatal) this.#stop(error.code);
    else this.#retry((error.retryAfter || 0) * 1000);
  }

  #retry(least) {
    this.#drop();
    this.#setState("offline");
    this.#retryTimer = setTimeout(() => this.connect(), Math.max(least, backoffDelay(this.#attempt)));
    this.#attempt += 1;
  }

  #stop(code) {
    this.#drop();
    this.#setState("stopped", code);
  }

  #drop() {
    clearTimeout(this.#retryTimer);
    this.#keepalive.stop();
    this.#retryTimer = undefined;
    const socket = this.#socket;
    this.#socket = null;
    if (this.state === "online") this.#setState("offline");
    if (socket instanceof WebSocket) socket.close();
  }

  #setState(state, code) {
    this.state = state;
    this.#onState(state, code);
  }
}
