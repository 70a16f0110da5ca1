/* The conversation as a text file, made in the browser from what it shows. */

import { el } from "./dom.js";
import { formatTime } from "./format.js";
import { authorName } from "./message_view.js";

/** The conversation as plain text: author, time, words, and the addresses of the sources. */
export function transcriptText(messages, locale) {
  const blocks = messages.map(({ author, created_at: createdAt, text, citations = [] }) => {
    const sources = citations.map(({ title, url }) => `  - ${title} ${url || ""}`.trimEnd());
    return [`${authorName(author)} (${formatTime(createdAt, locale)})`, text, ...sources].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}

/** Offer it as a download. */
export function downloadTranscript(messages, locale) {
  const address = URL.createObjectURL(new Blob([transcriptText(messages, locale)], { type: "text/plain;charset=utf-8" }));
  el("a", { href: address, download: "support-chat.txt" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
