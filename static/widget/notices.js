/* One alert above the composer: what went wrong, until the customer goes on. */

import { byId, el, icon } from "./dom.js";

/** Say `text` at once to everybody, screen readers included. */
export function showAlert(text) {
  byId("alert").replaceChildren(icon("alert"), el("span", { text }));
}

export function clearAlert() {
  byId("alert").replaceChildren();
}
