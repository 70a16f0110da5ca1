/* What was seen: told to the server; what was not: counted on the launcher. */

import { countUnread } from "./store.js";

const TOGETHER_MS = 300;

export class Reading {
  #host;
  #connection;
  #seen = 0;
  #timer;

  constructor({ host, connection }) {
    this.#host = host;
    this.#connection = connection;
  }

  /** After anything new, and whenever the panel or the tab comes into sight. */
  mark(state) {
    if (!this.#host.isOpen || document.visibilityState !== "visible") {
      this.#host.showUnread(countUnread(state, this.#seen));
      return;
    }
    this.#host.showUnread(0);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(state.lastSeq), TOGETHER_MS);
  }

  #tell(seq) {
    if (this.#seen < seq && this.#connection.send({ type: "read", seq })) this.#seen = seq;
  }

  /** Take everything up to `seq` as known, without a word to the server. */
  restart(seq) {
    this.#seen = seq;
  }
}
