/* What was seen: told to the server; what was not: counted on the launcher. */

import { countUnread } from "./store.js";

export class Reading {
  #host;
  #connection;
  #seen = 0;

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
    const { lastSeq } = state;
    if (this.#seen < lastSeq && this.#connection.send({ type: "read", seq: lastSeq })) this.#seen = lastSeq;
    this.#host.showUnread(0);
  }

  /** Take everything up to `seq` as known, without a word to the server. */
  restart(seq) {
    this.#seen = seq;
  }
}
