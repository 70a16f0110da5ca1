/* The queue's rows: fresh ones are held back while somebody points at them or has the focus there. */

import { tick } from "./clock.js";
import { part, swap, withoutTimes } from "./fragments.js";

const PARTS = ["waiting", "held"];
const WAY_MS = 1000;

export class Board {
  #place;
  #button;
  #shown;
  #offered = null;
  #isPointedAt = false;

  constructor(place, button) {
    this.#place = place;
    this.#button = button;
    this.#shown = rowsOf(withoutTimes(document));
    place.addEventListener("pointerenter", (event) => {
      this.#isPointedAt = event.pointerType === "mouse";
    });
    place.addEventListener("pointerleave", () => {
      this.#isPointedAt = false;
      this.#settleLater();
    });
    place.addEventListener("focusout", () => this.#settleLater());
    button.addEventListener("pointerleave", () => this.#settleLater());
    button.addEventListener("blur", () => this.#settleLater());
    button.addEventListener("click", () => this.#show());
  }

  /** Show a fresh fragment, now or when nobody is about to click into it. */
  offer(fresh) {
    this.#offered = fresh;
    this.#settle();
  }

  /** Leave time for the way from the rows to the button, which would vanish on it. */
  #settleLater() {
    setTimeout(() => this.#settle(), WAY_MS);
  }

  #settle() {
    if (!this.#offered) return;
    const changes = this.#isBusy() ? countChanges(this.#shown, rowsOf(this.#offered)) : 0;
    this.#button.hidden = changes === 0;
    this.#button.textContent = `${changes} change${changes === 1 ? "" : "s"} – refresh`;
    if (!this.#isBusy()) this.#show();
  }

  #isBusy() {
    const isInside = this.#place.contains(document.activeElement);
    return isInside || this.#isPointedAt || this.#button.matches(":hover, :focus");
  }

  #show() {
    if (!this.#offered) return;
    const known = this.#shown;
    this.#shown = rowsOf(this.#offered);
    for (const name of PARTS) swap(this.#offered, name);
    this.#offered = null;
    this.#button.hidden = true;
    for (const row of part(document, "waiting").querySelectorAll("[data-row]")) {
      row.classList.toggle("is-new", !known.has(row.dataset.row));
    }
    tick();
  }

  /** Move the focus by `step` rows, or to the first one. */
  move(step) {
    const links = [...this.#place.querySelectorAll("a.desk-open")];
    const row = document.activeElement?.closest?.("[data-row]");
    const at = links.findIndex((link) => row?.contains(link));
    const next = at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step));
    links[next]?.focus();
  }

  /** Press the button of the focused row, else of the first one. */
  take() {
    const row = document.activeElement?.closest?.("[data-row]");
    (row ?? this.#place).querySelector("button[formaction]")?.click();
  }
}

function rowsOf(root) {
  const rows = new Map();
  for (const row of root.querySelectorAll("[data-row]")) rows.set(row.dataset.row, row.outerHTML);
  return rows;
}

function countChanges(before, after) {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return [...ids].filter((id) => before.get(id) !== after.get(id)).length;
}
