/* Keeps what is new in sight, unless the customer is reading elsewhere.

   Of an answer that is taller than the panel the beginning stays in sight, until the customer goes to its end. */

const NEAR_PX = 64;
const MARGIN_PX = 8;

export class Scroll {
  #scroller;
  #button;
  #writing;
  #latest = null;
  // Whose end the customer went to: nothing takes them back to its beginning.
  #passed = null;
  // Where the view was put, and is still; null once the customer is elsewhere by their own scrolling.
  #placed = 0;

  /** `writing` is the element of the answer under way, hidden when there is none. */
  constructor({ scroller, button, writing }) {
    this.#scroller = scroller;
    this.#writing = writing;
    this.#button = button;
    [scroller, document].forEach((target) => target.addEventListener("scroll", () => this.#look(), { passive: true }));
    button.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.follow()).observe(scroller);
  }

  /** After something grew: stay at the end, or at the beginning that the view was put at. */
  follow() {
    if (this.#placed !== null) this.#jump();
  }

  /** After a message of somebody else, or a card: follow to its beginning, or offer the way down. */
  announce(item) {
    // A finished answer takes the place of what was seen being written.
    if (!this.#writing.hidden && this.#passed === this.#writing) this.#passed = item;
    this.#latest = item;
    if (this.#placed === null) this.#button.hidden = false;
    else this.#jump();
  }

  /** After what the customers did themselves. */
  toEnd() {
    const area = this.#area();
    area.scrollTop = area.scrollHeight - area.clientHeight;
    this.#settle(area);
  }

  // At a high zoom the whole page scrolls, not its middle.
  #area() {
    const { scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight > clientHeight + 1 ? this.#scroller : document.documentElement;
  }

  #jump() {
    const area = this.#area();
    const end = area.scrollHeight - area.clientHeight;
    const beginning = this.#beginning(area);
    // Written anew, it is short again.
    if (beginning >= end) this.#passed = null;
    area.scrollTop = this.#passed === this.#newest() ? end : Math.min(end, beginning);
    this.#placed = area.scrollTop;
  }

  /** Stay at the end, where the customer wants to be. */
  #settle(area) {
    this.#placed = area.scrollTop;
    this.#passed = area.scrollTop > this.#beginning(area) ? this.#newest() : null;
    this.#button.hidden = true;
  }

  #newest() {
    return this.#writing.hidden ? this.#latest : this.#writing;
  }

  /** Where the newest words of others begin; they start a new screen only when they need one. */
  #beginning(area) {
    const item = this.#newest();
    if (!item?.isConnected || item.hidden) return Infinity;
    const top = area === this.#scroller ? area.getBoundingClientRect().top : 0;
    return Math.max(0, item.getBoundingClientRect().top - top + area.scrollTop - MARGIN_PX);
  }

  #look() {
    const area = this.#area();
    // Our own jumps are told like the customer's scrolling.
    if (this.#placed !== null && Math.abs(area.scrollTop - this.#placed) <= 1) return;
    if (area.scrollHeight - area.scrollTop - area.clientHeight < NEAR_PX) this.#settle(area);
    else this.#placed = null;
  }
}
