/* The sources of an answer: a button, and the list it opens. */

import { el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { openOutside, safeUrl } from "./safe_html.js";

function sourceItem({ title, url, quote }) {
  const address = safeUrl(url);
  const name = el(address ? "a" : "span", { class: "source__title", text: title });
  if (address) openOutside(name, address);
  return el("li", { class: "source" }, name, quote && el("blockquote", { class: "source__quote", text: quote }));
}

/** Return `{button, panel}` for the citations, or null where there are none. */
export function sourcesOf({ message, citations = [] }) {
  if (!citations.length) return null;
  const id = `sources-${message}`;
  const panel = el("ol", { class: "sources", id, hidden: true }, ...citations.map(sourceItem));
  const button = el(
    "button",
    { class: "tool", type: "button", "aria-expanded": "false", "aria-controls": id },
    el("span", { text: t("sources", { n: citations.length }) }),
    icon("chevron"),
  );
  button.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
  });
  return { button, panel };
}
