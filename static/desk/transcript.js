/* The list of messages: merges fresh ones by their number and stays at the end if it was there. */

import { part } from "./fragments.js";

const NEAR_END_PX = 48;

export class Transcript {
  #log;
  #lines;
  #toEnd;
  #shown = new Map();
  // Whether it was left at its end: what grows around it may cut that off.
  #rests = true;
  #height = 0;

  constructor({ log, lines, toEnd }) {
    this.#log = log;
    this.#lines = lines;
    this.#toEnd = toEnd;
    for (const line of lines.querySelectorAll("[data-line]")) this.#remember(line);
    toEnd.addEventListener("click", () => this.scrollToEnd());
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(log);
    this.scrollToEnd();
  }

  /** The number of the last message shown. */
  get last() {
    return Math.max(0, ...this.#shown.keys());
  }

  /** The number before the first message shown. */
  get before() {
    return this.#shown.size ? Math.min(...this.#shown.keys()) - 1 : 0;
  }

  get isAtEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_END_PX;
  }

  /** Add what is new and replace what changed. */
  merge(fresh) {
    const wasAtEnd = this.isAtEnd;
    const lastBefore = this.last;
    for (const line of part(fresh, "lines").querySelectorAll("[data-line]")) this.#put(line);
    this.settle(wasAtEnd, this.last > lastBefore);
  }

  /** Follow to the end, or offer the way there when something is new below. */
  settle(wasAtEnd, isNew) {
    if (wasAtEnd) this.scrollToEnd();
    else if (isNew) this.#toEnd.hidden = false;
  }

  scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#toEnd.hidden = true;
  }

  #resized() {
    this.#height = this.#log.clientHeight;
    if (this.#rests) this.scrollToEnd();
  }

  #scrolled() {
    // Scrolled before it was made smaller, in one frame: that comes next.
    if (this.#log.clientHeight !== this.#height) return;
    this.#rests = this.isAtEnd;
    if (this.#rests) this.#toEnd.hidden = true;
  }

  #remember(line) {
    this.#shown.set(Number(line.dataset.line), { line, html: line.outerHTML });
  }

  #put(line) {
    const known = this.#shown.get(Number(line.dataset.line));
    if (known?.html === line.outerHTML) return;
    this.#remember(line);
    if (known) known.line.replaceWith(line);
    else this.#lines.append(line);
  }
}
