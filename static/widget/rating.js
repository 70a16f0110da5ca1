/* The question at the end: a score of 1 to 5 and a word, asked once. */

import { el } from "./dom.js";
import { t } from "./i18n.js";

const SCORES = [1, 2, 3, 4, 5];

function scoreChoice(score) {
  const name = t("ratingScore", { n: score });
  const input = el("input", { type: "radio", name: "score", value: score, "aria-label": name });
  return el("label", { class: "score" }, input, el("span", { "aria-hidden": "true", text: score }));
}

function ratingForm(onSend) {
  const problem = el("p", { class: "card__problem", role: "alert" });
  const comment = el("textarea", { name: "comment", rows: 2, maxlength: 2000 });
  const form = el(
    "form",
    { class: "card" },
    el(
      "fieldset",
      {},
      el("legend", { text: t("ratingTitle") }),
      el("div", { class: "scores" }, ...SCORES.map(scoreChoice)),
      el("p", { class: "ends", "aria-hidden": "true" }, el("span", { text: t("ratingLow") }), el("span", { text: t("ratingHigh") })),
    ),
    el("label", { class: "field" }, el("span", { text: t("ratingComment") }), comment),
    problem,
    el("button", { class: "primary", type: "submit", text: t("ratingSend") }),
  );
  form.addEventListener("change", () => { problem.textContent = ""; });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const score = Number(new FormData(form).get("score"));
    problem.textContent = score ? "" : t("ratingMissing");
    if (score) onSend({ score, comment: comment.value.trim() });
  });
  return form;
}

/** Ask in the box `rating` and bring it into sight; what is given leaves by `act`, and thanks take the form's place. */
export function askRating({ rating: box, scroll, act }) {
  if (!box.hidden && box.querySelector("form")) return;
  box.hidden = false;
  box.replaceChildren(
    ratingForm((given) => {
      box.replaceChildren(el("p", { class: "card card--done", role: "status", tabindex: -1, text: t("ratingThanks") }));
      box.firstElementChild.focus();
      act({ type: "rate", ...given });
    }),
  );
  scroll.announce(box);
}

/** Take the question away, as when the conversation goes on. */
export function dropRating(box) {
  box.hidden = true;
  box.replaceChildren();
}
