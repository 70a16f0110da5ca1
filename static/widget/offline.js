/* Nobody is online: says so, and takes an e-mail address for the answer. */

import { el } from "./dom.js";
import { t } from "./i18n.js";

export class OfflineCard {
  #box;
  #onContact;
  #text;

  constructor({ box, onContact }) {
    this.#box = box;
    this.#onContact = onContact;
  }

  /** Show the server's `text`, and the form unless an address is known already. */
  show({ text, email_saved: isSaved }) {
    const isKnown = !this.#box.hidden && text === this.#text && isSaved === !this.#box.querySelector("form");
    this.#text = text;
    this.#box.hidden = false;
    // Said again after a reconnect: what is being typed stays.
    if (isKnown) return;
    const rest = isSaved ? this.#thanks(t("emailSavedAny")) : this.#form();
    const title = el("h2", { class: "card__title", text: t("offlineTitle") });
    // The assistant's last message says the site's text; the card is where the address goes.
    this.#box.replaceChildren(el("div", { class: "card" }, title, rest));
  }

  saved(email) {
    this.#box.querySelector("form")?.replaceWith(this.#thanks(t("emailSaved", { email })));
  }

  refused() {
    const problem = this.#box.querySelector(".card__problem");
    const input = this.#box.querySelector("input");
    if (!problem || !input) return;
    problem.textContent = t("emailBad");
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }

  hide() {
    this.#box.hidden = true;
  }

  #thanks(text) {
    return el("p", { class: "card__saved", role: "status", text });
  }

  #form() {
    const input = el("input", {
      type: "email", name: "email", autocomplete: "email", required: true, maxlength: 254, "aria-describedby": "email-problem",
    });
    const form = el(
      "form",
      { novalidate: true },
      el("label", { class: "field" }, el("span", { text: t("email") }), input),
      el("p", { class: "card__problem", role: "alert", id: "email-problem" }),
      el("button", { class: "primary", type: "submit", text: t("emailSave") }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.validity.valid) this.#onContact(input.value.trim());
      else this.refused();
    });
    return form;
  }
}
