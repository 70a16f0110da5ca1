/* Puts the words of the chosen language on what the template has drawn. */

import { byId, el, icon, initial } from "./dom.js";
import { t } from "./i18n.js";
import { openOutside, safeUrl } from "./safe_html.js";

const LABELS = { close: "close", log: "conversation", scroller: "title", send: "send" };
const TEXTS = {
  "message-label": "message",
  "intro-text": "intro",
  "progress-tag": "ai",
  disclaimer: "disclaimer",
};
const BUTTONS = { close: "close", menu: "more", send: "send", stop: "stop", "new-messages": "down", talk: "person" };

/** Label, title and fill the parts that are always there. */
export function labelPage() {
  Object.entries(LABELS).forEach(([id, key]) => byId(id).setAttribute("aria-label", t(key)));
  Object.entries(TEXTS).forEach(([id, key]) => { byId(id).textContent = t(key); });
  Object.entries(BUTTONS).forEach(([id, name]) => byId(id).prepend(icon(name)));
  byId("message").placeholder = t("placeholder");
  byId("stop").append(el("span", { text: t("stop") }));
  byId("new-messages").append(el("span", { text: t("newMessages") }));
  byId("avatar").textContent = initial(byId("title").textContent);
}

/** Link the site's privacy page, if it has one. */
export function showPrivacy(address) {
  const url = safeUrl(address);
  const link = byId("privacy");
  link.hidden = !url;
  link.textContent = t("privacy");
  if (url) openOutside(link, url);
}
