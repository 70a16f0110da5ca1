/* Draws one message, sent or still on its way. */

import { sourcesOf } from "./citations.js";
import { el, icon, initial } from "./dom.js";
import { feedbackFor } from "./feedback.js";
import { formatTime } from "./format.js";
import { t } from "./i18n.js";
import { toFragment } from "./safe_html.js";

/** The name to show for an author. */
export function authorName({ kind, name }) {
  if (kind === "customer") return t("you");
  return name || t(kind in { assistant: 1, agent: 1 } ? kind : "system");
}

function meta(author, createdAt, locale) {
  return el(
    "p",
    { class: "msg__meta" },
    el("span", { class: "msg__author", text: authorName(author) }),
    author.kind === "assistant" && el("span", { class: "tag", text: t("ai") }),
    el("time", { datetime: createdAt, text: formatTime(createdAt, locale) }),
  );
}

function body({ author, html, text }) {
  const node = el("div", { class: "msg__body", dir: "auto" });
  if (html && author.kind !== "customer") node.append(toFragment(html, { tableLabel: t("table") }));
  else node.append(el("p", { class: "plain", text }));
  return node;
}

function tools(message, onFeedback) {
  const sources = sourcesOf(message);
  const rates = message.author.kind === "assistant" && message.can_rate;
  if (!sources && !rates) return [];
  const row = el(
    "div",
    { class: "msg__tools" },
    sources?.button,
    rates && feedbackFor(message, (helpful) => onFeedback(message.message, helpful)),
  );
  return [row, sources?.panel];
}

/** Build the list item of a durable message; a card stands in the place of its text. */
export function messageItem(message, { locale, onFeedback, cards }) {
  const { kind } = message.author;
  const avatar = el("span", { class: "avatar", "aria-hidden": "true", text: initial(authorName(message.author)) });
  return el(
    "li",
    { class: `msg msg--${kind}`, "data-seq": message.seq, "data-message": message.message },
    kind !== "customer" && kind !== "system" && avatar,
    el(
      "div",
      { class: "msg__main" },
      meta(message.author, message.created_at, locale),
      message.card ? cards.add(message.card) : body(message),
      message.reason === "stopped" && el("p", { class: "msg__note", text: t("stopped") }),
      ...tools(message, onFeedback),
    ),
  );
}

/** Build the list item of a message that the server has not confirmed yet. */
export function pendingItem(entry, { locale }) {
  const author = { kind: "customer", name: "" };
  return el(
    "li",
    { class: "msg msg--customer", "data-client-id": entry.client_id },
    el(
      "div",
      { class: "msg__main" },
      meta(author, entry.created_at, locale),
      body({ author, text: entry.text }),
      el("p", { class: "msg__state" }),
    ),
  );
}

/** Show in its item how far a message on its way has come. */
export function showProgress(item, entry, onRetry) {
  const line = item.querySelector(".msg__state");
  item.dataset.state = entry.state;
  line.replaceChildren(t(entry.state));
  if (entry.state !== "failed") {
    line.removeAttribute("role");
    return;
  }
  line.setAttribute("role", "alert");
  line.prepend(icon("alert"));
  line.append(el("button", { class: "link", type: "button", text: t("retry"), onclick: () => onRetry(entry.client_id) }));
}
