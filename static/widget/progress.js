/* What is going on right now: the answer being written, or somebody typing. Ends by itself. */

import { t } from "./i18n.js";

const STILL_AFTER_MS = 20000;
const NO_ANSWER_AFTER_MS = 130000;

export class Progress {
  #root;
  #preview;
  #dots;
  #words;
  #sound;
  #timers = [];
  #phase = "";

  /** `preview` grows silently, `words` is the line in sight, `sound` is read aloud once. */
  constructor({ root, preview, dots, words, sound }) {
    this.#root = root;
    this.#preview = preview;
    this.#dots = dots;
    this.#words = words;
    this.#sound = sound;
  }

  /** Show `who` as writing, with what is written so far; `text` null means nothing is going on. */
  show({ who, text, waits }) {
    const phase = text ? `writing ${who}` : waits ? `thinking ${who}` : "";
    this.#preview.textContent = text || "";
    this.#preview.parentElement.hidden = !text;
    if (phase !== this.#phase) this.#enter(phase, who, !text && waits === "answer");
  }

  #enter(phase, who, isTimed) {
    this.#phase = phase;
    this.#timers.splice(0).forEach(clearTimeout);
    this.#root.hidden = !phase;
    this.#dots.hidden = phase.startsWith("writing");
    this.#say("", phase ? t("writing", { name: who }) : "");
    if (!isTimed) return;
    this.#timers.push(setTimeout(() => this.#say(t("still"), t("still")), STILL_AFTER_MS));
    this.#timers.push(setTimeout(() => this.#giveUp(), NO_ANSWER_AFTER_MS));
  }

  // The server ends every turn within 125 s: a longer wait means that nobody works on it.
  #giveUp() {
    this.#dots.hidden = true;
    this.#say(t("noAnswer"), t("noAnswer"));
  }

  #say(seen, heard) {
    this.#words.textContent = seen;
    if (this.#sound.textContent !== heard) this.#sound.textContent = heard;
  }
}
