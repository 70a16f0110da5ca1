/* Keeps the end of the conversation in sight, unless the customer is reading further up. */

const NEAR_PX = 64;

export class Scroll {
  #scroller;
  #button;
  #atEnd = true;

  constructor({ scroller, button }) {
    this.#scroller = scroller;
    this.#button = button;
    [scroller, document].forEach((target) => target.addEventListener("scroll", () => this.#look(), { passive: true }));
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

  // At a high zoom the whole page scrolls, not its middle.
  #area() {
    const { scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight > clientHeight + 1 ? this.#scroller : document.documentElement;
  }

  #jump() {
    const area = this.#area();
    area.scrollTop = area.scrollHeight;
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#area();
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (this.#atEnd) this.#button.hidden = true;
  }
}
