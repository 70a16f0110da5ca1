/* What is going on right now: the answer being written, or somebody typing. Ends by itself. */

import { byId, initial } from "./dom.js";
import { t } from "./i18n.js";

const STILL_AFTER_MS = 20000;
const NO_ANSWER_AFTER_MS = 130000;

export class Progress {
  #root = byId("progress");
  #avatar = byId("progress-avatar");
  #name = byId("progress-name");
  #preview = byId("preview");
  #dots = byId("dots");
  #words = byId("progress-words");
  #sound = byId("progress-sound");
  #timers = [];
  #phase = "";

  /** Show `who` as writing: the text so far, or what the customer waits for ("answer", "typing", or nothing).

      The text grows silently in sight; a screen reader hears once that somebody writes. */
  show({ who, text, waits }) {
    this.#root.className = `msg msg--${waits === "typing" && !text ? "agent" : "assistant"}`;
    const phase = text ? `writing ${who}` : waits ? `thinking ${who}` : "";
    this.#preview.textContent = text || "";
    this.#preview.hidden = !text;
    if (phase !== this.#phase) this.#enter(phase, who, !text && waits === "answer");
  }

  #enter(phase, who, isTimed) {
    this.#phase = phase;
    this.#timers.splice(0).forEach(clearTimeout);
    this.#root.hidden = !phase;
    this.#name.textContent = who;
    this.#avatar.textContent = initial(who);
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
