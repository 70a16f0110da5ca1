/* Cards of what waits for the customer's click: what will happen, two buttons, how far it is. */

import { el, icon } from "./dom.js";
import { formatTime } from "./format.js";
import { t } from "./i18n.js";

const ANSWER_MS = 10000;
const WORDS = {
  confirmed: "cardWorking",
  working: "cardWorking",
  done: "cardDone",
  cancelled: "cardCancelled",
  expired: "cardExpired",
  failed: "cardFailed",
  unknown: "cardUnknown",
};
const ICONS = { done: "check", failed: "alert", unknown: "alert" };

class ActionCard {
  #state;
  #buttons;
  #line;
  #timer;

  constructor({ title, lines, state, expires_at: expiresAt }, { call, locale, onDecide }) {
    const id = `card-${call}`;
    const decide = (accept) => {
      if (this.#buttons.hasAttribute("data-busy")) return;
      this.#setBusy(true);
      onDecide(call, accept);
    };
    this.until = expiresAt ? t("cardUntil", { time: formatTime(expiresAt, locale) }) : "";
    this.#line = el("p", { class: "action__state", tabindex: -1 });
    this.#buttons = el(
      "div",
      { class: "action__buttons" },
      el("button", { class: "primary", type: "button", text: t("cardConfirm"), "aria-describedby": id, onclick: () => decide(true) }),
      el("button", { class: "choice", type: "button", text: t("cardCancel"), "aria-describedby": id, onclick: () => decide(false) }),
    );
    this.node = el(
      "div",
      { class: "card action", role: "group", "aria-labelledby": id },
      el("p", { class: "card__title", id, dir: "auto", text: title }),
      lines.length > 0 && el("ul", { class: "action__lines" }, ...lines.map((text) => el("li", { dir: "auto", text }))),
      this.#buttons,
      this.#line,
    );
    this.show(state);
  }

  /** Show how far it has come; the focus stays in the card when its buttons go. */
  show(state) {
    this.#setBusy(false);
    if (state === this.#state) return;
    this.#state = state;
    const isOpen = state === "proposed";
    const hadFocus = this.#buttons.contains(document.activeElement);
    this.node.dataset.state = state;
    this.#buttons.hidden = !isOpen;
    this.#line.replaceChildren(ICONS[state] ? icon(ICONS[state]) : "", isOpen ? this.until : t(WORDS[state] || "cardWorking"));
    if (hadFocus && !isOpen) this.#line.focus();
  }

  /** The click was refused: it may be made again. */
  refuse() {
    this.#setBusy(false);
  }

  // Not `disabled`, which would throw the focus away. A click that gets no answer counts as none.
  #setBusy(isBusy) {
    clearTimeout(this.#timer);
    if (isBusy) this.#timer = setTimeout(() => this.#setBusy(false), ANSWER_MS);
    this.#buttons.toggleAttribute("data-busy", isBusy);
    this.#buttons.childNodes.forEach((button) => button.setAttribute("aria-disabled", String(isBusy)));
  }
}

export class ActionCards {
  #options;
  #cards = new Map();

  /** `options`: locale, onDecide(call, accept). */
  constructor(options) {
    this.#options = options;
  }

  /** Build the card of a message. */
  add(card) {
    const made = new ActionCard(card, { ...this.#options, call: card.call });
    this.#cards.set(card.call, made);
    return made.node;
  }

  /** Take in a `card` frame; one whose message has not come yet is told with it. */
  show({ call, state }) {
    this.#cards.get(call)?.show(state);
  }

  refuse(call) {
    this.#cards.get(call)?.refuse();
  }
}
