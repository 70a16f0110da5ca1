/* The menu in the top corner: end, transcript, new conversation. */

import { byId, el } from "./dom.js";
import { t } from "./i18n.js";

export class Menu {
  #button = byId("menu");
  #list = byId("menu-list");

  /** `items`: `{key, onPick, when(status)}`, drawn anew each time the menu opens. */
  constructor({ items, status }) {
    const [button, list] = [this.#button, this.#list];
    button.setAttribute("aria-label", t("menu"));
    button.addEventListener("click", () => (list.hidden ? this.#open(items, status()) : this.close()));
    document.addEventListener("pointerdown", (event) => {
      if (!list.hidden && !list.contains(event.target) && !button.contains(event.target)) this.close();
    });
  }

  /** Close if open, and say whether it was. */
  close() {
    const wasOpen = !this.#list.hidden;
    this.#list.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    if (wasOpen && this.#list.contains(document.activeElement)) this.#button.focus();
    return wasOpen;
  }

  #open(items, status) {
    const shown = items.filter(({ when }) => when(status));
    this.#list.replaceChildren(...shown.map((item) => el("li", {}, this.#entry(item))));
    this.#list.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#list.querySelector("button").focus();
  }

  #entry({ key, onPick }) {
    const pick = () => {
      this.#button.focus();
      this.close();
      onPick();
    };
    return el("button", { type: "button", text: t(key), onclick: pick });
  }
}
