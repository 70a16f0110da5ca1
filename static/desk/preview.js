/* The assistant's answer while it is being written: plain text, until the message replaces it. */

export class Preview {
  #element;
  message = "";
  #attempt = -1;
  #shown = 0;

  constructor(element) {
    this.#element = element;
  }

  /** Append a piece; after a gap the rest is left to the message. Offsets count code points. */
  add({ message, attempt, offset, text }) {
    const isAnother = message !== this.message || attempt > this.#attempt;
    if (isAnother && offset === 0) this.#start(message, attempt);
    if (message !== this.message || attempt !== this.#attempt || offset !== this.#shown) return;
    this.#shown += [...text].length;
    this.#element.append(text);
    this.#element.hidden = false;
  }

  /** Remove it: the answer is stored, withdrawn, or an agent took over. */
  end() {
    this.#element.replaceChildren();
    this.#element.hidden = true;
    this.message = "";
  }

  #start(message, attempt) {
    this.end();
    [this.message, this.#attempt, this.#shown] = [message, attempt, 0];
  }
}
