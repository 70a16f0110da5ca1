/* Thumbs up or down under an answer. */

import { el, icon } from "./dom.js";
import { t } from "./i18n.js";

/** Return the two buttons; `onChoose(helpful)` is called when one is pressed. */
export function feedbackFor({ helpful = null }, onChoose) {
  const thanks = el("span", { class: "sr", role: "status" });
  const choices = [true, false].map((value) => ({ value, button: thumb(value) }));
  const show = (chosen) =>
    choices.forEach(({ value, button }) => button.setAttribute("aria-pressed", String(value === chosen)));
  choices.forEach(({ value, button }) =>
    button.addEventListener("click", () => {
      show(value);
      thanks.textContent = t("feedbackThanks");
      onChoose(value);
    }),
  );
  show(helpful);
  return el("span", { class: "thumbs" }, ...choices.map(({ button }) => button), thanks);
}

function thumb(up) {
  const name = t(up ? "helpful" : "notHelpful");
  return el("button", { class: up ? "tool thumb" : "tool thumb thumb--down", type: "button", "aria-label": name, title: name }, icon("up"));
}
