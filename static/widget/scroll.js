/* Keeps the end of the conversation in sight, unless the customer is reading further up.

   Of an answer that is taller than the panel the beginning stays in sight, not the end. */

const NEAR_PX = 64;
const MARGIN_PX = 8;

export class Scroll {
  #scroller;
  #button;
  #writing;
  #latest = null;
  #atEnd = true;

  /** `writing` is the element of the answer under way, hidden when there is none. */
  constructor({ scroller, button, writing }) {
    this.#scroller = scroller;
    this.#writing = writing;
    this.#button = button;
    [scroller, document].forEach((target) => target.addEventListener("scroll", () => this.#look(), { passive: true }));
    button.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.follow()).observe(scroller);
  }

  /** After something grew: stay at the end if we were there. */
  follow() {
    if (this.#atEnd) this.#jump();
  }

  /** After a message of somebody else: follow to its beginning, or offer the way down. */
  announce(item) {
    this.#latest = item;
    if (this.#atEnd) this.#jump();
    else this.#button.hidden = false;
  }

  toEnd() {
    this.#latest = null;
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
    area.scrollTop = Math.min(area.scrollHeight - area.clientHeight, this.#beginning(area));
  }

  /** Where the newest words of others begin; they start a new screen only when they need one. */
  #beginning(area) {
    const item = this.#writing.hidden ? this.#latest : this.#writing;
    if (!item?.isConnected) return Infinity;
    const top = area === this.#scroller ? area.getBoundingClientRect().top : 0;
    return Math.max(0, item.getBoundingClientRect().top - top + area.scrollTop - MARGIN_PX);
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#area();
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (this.#atEnd) this.#button.hidden = true;
  }
}
