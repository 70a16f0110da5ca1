/* Who else is typing; forgotten by itself when the end of it never arrives. */

import { t } from "./i18n.js";

const FORGET_MS = 8000;

export class Typing {
  #onEnd;
  #timer;
  name = "";

  constructor({ onEnd }) {
    this.#onEnd = onEnd;
  }

  take({ author, on }) {
    if (author?.kind === "customer") return;
    this.end();
    if (!on) return;
    this.name = author?.name || t("agent");
    this.#timer = setTimeout(() => {
      this.end();
      this.#onEnd();
    }, FORGET_MS);
  }

  end() {
    clearTimeout(this.#timer);
    this.name = "";
  }
}
