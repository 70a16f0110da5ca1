/* Notices a silent connection: pings it, and gives up when nothing comes back. */

const PING_EVERY_MS = 25000;
const ANSWER_WITHIN_MS = 10000;

export class Keepalive {
  #ping;
  #onSilence;
  #pingTimer;
  #answerTimer;

  constructor({ ping, onSilence }) {
    this.#ping = ping;
    this.#onSilence = onSilence;
  }

  start() {
    clearInterval(this.#pingTimer);
    this.#pingTimer = setInterval(() => {
      this.#ping();
      this.expect();
    }, PING_EVERY_MS);
  }

  /** Something must arrive soon. */
  expect() {
    clearTimeout(this.#answerTimer);
    this.#answerTimer = setTimeout(this.#onSilence, ANSWER_WITHIN_MS);
  }

  heard() {
    clearTimeout(this.#answerTimer);
  }

  stop() {
    clearInterval(this.#pingTimer);
    clearTimeout(this.#answerTimer);
  }
}
