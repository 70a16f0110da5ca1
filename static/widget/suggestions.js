/* Questions to pick instead of typing: at the start, and after an answer. */

import { el } from "./dom.js";
import { t } from "./i18n.js";

const MOST = 4;

/** Put the suggestions into `box`; picking one sends it and clears them. */
export function showSuggestions(box, texts, onPick) {
  box.hidden = !texts.length;
  box.replaceChildren(...texts.slice(0, MOST).map((text) => el("li", {}, choice(box, text, onPick))));
  box.setAttribute("aria-label", t("suggestions"));
}

function choice(box, text, onPick) {
  const pick = () => {
    box.hidden = true;
    onPick(text);
  };
  return el("button", { class: "choice", type: "button", dir: "auto", text, onclick: pick });
}
