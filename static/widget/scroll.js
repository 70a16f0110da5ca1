/* Keeps the end of the conversation in sight, unless the customer is reading further up. */

const NEAR_PX = 64;

export class Scroll {
  #scroller;
  #button;
  #atEnd = true;

  constructor({ scroller, button }) {
    this.#scroller = scroller;
    this.#button = button;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    button.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.follow()).observe(scroller);
  }

  /** After something grew: stay at the end if we were there. */
  follow() {
    if (this.#atEnd) this.#jump();
  }

  /** After a message of somebody else: follow, or offer the way down. */
  announce() {
    if (this.#atEnd) this.#jump();
    else this.#button.hidden = false;
  }

  toEnd() {
    this.#atEnd = true;
    this.#jump();
    this.#button.hidden = true;
  }

  #jump() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (this.#atEnd) this.#button.hidden = true;
  }
}
