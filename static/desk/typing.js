/* Who is typing: shown for the customer, and told of the agent. */

const FORGET_MS = 8000;
const AGAIN_MS = 3000;
const IDLE_MS = 5000;

/** Shows that the customer writes; forgotten by itself when the end of it never arrives. */
export class CustomerTyping {
  #element;
  #timer;

  constructor(element) {
    this.#element = element;
  }

  take({ author, on }) {
    clearTimeout(this.#timer);
    this.#element.textContent = on ? `${author?.name ?? "The customer"} is typing…` : "";
    if (on) this.#timer = setTimeout(() => this.take({ on: false }), FORGET_MS);
  }
}

/** Tells the customer that the agent writes: at most every three seconds, until a pause. */
export class OwnTyping {
  #tell;
  #saidAt = 0;
  #timer;

  constructor(tell) {
    this.#tell = tell;
  }

  wrote() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.stop(), IDLE_MS);
    if (Date.now() - this.#saidAt < AGAIN_MS) return;
    this.#saidAt = Date.now();
    this.#tell(true);
  }

  stop() {
    clearTimeout(this.#timer);
    if (this.#saidAt) this.#tell(false);
    this.#saidAt = 0;
  }
}
