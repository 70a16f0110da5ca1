/* Nobody is online: says so, takes an e-mail address, and offers the assistant meanwhile. */

import { lasting } from "../shared/storage.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

export class OfflineCard {
  #box;
  #send;
  #onResumed;
  #key;
  #conversation;

  /** `conversation()` names the one that is shown: only its form comes back after a reload. */
  constructor({ box, site, conversation, send, onResumed }) {
    this.#box = box;
    this.#key = `supportbot:email-form:${site}`;
    this.#conversation = conversation;
    this.#send = send;
    this.#onResumed = onResumed;
  }

  /** Say that nobody is there, and show the form unless an address is known already. */
  show({ email_saved: isSaved }) {
    if (isSaved) lasting.remove(this.#key);
    else lasting.set(this.#key, this.#conversation());
    this.#open(isSaved);
    this.#box.querySelector(".card__title").hidden = false;
  }

  /** Somebody came, but the message above still invites to leave an address: the form for it stays. */
  somebodyCame() {
    if (!this.#hasForm && lasting.get(this.#key) !== this.#conversation()) {
      this.hide();
      return;
    }
    this.#open(false);
    this.#box.querySelector(".card__title").hidden = true;
  }

  saved(email) {
    lasting.remove(this.#key);
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
    lasting.remove(this.#key);
    this.#box.hidden = true;
  }

  get #hasForm() {
    return !this.#box.hidden && Boolean(this.#box.querySelector("form"));
  }

  #open(isSaved) {
    // Said again after a reconnect: what is being typed stays.
    if (!this.#box.hidden && this.#hasForm === !isSaved) return;
    this.#box.hidden = false;
    const rest = isSaved ? this.#thanks(t("emailSavedAny")) : this.#form();
    const title = el("h2", { class: "card__title", text: t("offlineTitle") });
    // The assistant's last message says the site's text; the card is where the address goes.
    this.#box.replaceChildren(el("div", { class: "card" }, title, ...this.#wayBack(), rest));
  }

  #wayBack() {
    const resume = () => {
      this.#send({ type: "resume_assistant" });
      this.#onResumed();
    };
    return [
      el("button", { class: "choice", type: "button", text: t("askMeanwhile"), onclick: resume }),
      el("p", { class: "card__note", text: t("placeKept") }),
    ];
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
      if (input.validity.valid) this.#send({ type: "contact", email: input.value.trim() });
      else this.refused();
    });
    return form;
  }
}
