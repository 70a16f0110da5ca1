/* The top of the panel: who holds the conversation, the way to a person, and the connection. */

import { byId } from "./dom.js";
import { formatWait } from "./format.js";
import { t } from "./i18n.js";

const SILENT_MS = 2000;

function detailOf({ status, position, waitSeconds }) {
  if (status === "assistant") return position ? t("barKept", { n: position }) : t("barAssistant");
  if (status === "agent") return t("barAgent");
  if (status === "resolved") return t("barResolved");
  const place = position ? t("barPosition", { n: position }) : t("barWaiting");
  return waitSeconds === null ? place : `${place} · ${t("barWait", { time: formatWait(waitSeconds) })}`;
}

function holderOf({ status, agent }) {
  if (status === "agent") return t("whoAgent", { name: agent || t("agent") });
  return t({ waiting: "whoWaiting", resolved: "whoResolved" }[status] || "whoAssistant");
}

function whyNotTalk({ status, messages }) {
  const taken = { waiting: "talkWaiting", agent: "talkAgent" }[status];
  const isFirst = !messages.some(({ author }) => author.kind === "customer");
  return taken || isFirst ? t(taken || "talkFirst") : "";
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Draw who holds the conversation; the button stays, and says why when it has nothing to do. */
export function showStatus(state) {
  document.body.dataset.status = state.status;
  setText(byId("who"), holderOf(state));
  setText(byId("bar-text"), detailOf(state));
  byId("disclaimer").hidden = state.status !== "assistant";
  const why = whyNotTalk(state);
  const talk = byId("talk");
  talk.setAttribute("aria-disabled", String(Boolean(why)));
  talk.title = why;
  setText(byId("talk-why"), why);
}

/** Prepare the button; `onTalk` is called when a person can be asked for. */
export function setUpTalk(onTalk) {
  const talk = byId("talk");
  talk.querySelector("span").textContent = t("talk");
  talk.addEventListener("click", () => {
    if (talk.getAttribute("aria-disabled") !== "true") onTalk();
    else setText(byId("bar-text"), talk.title);
  });
}

/** Say when the connection has been away for 2 s; short losses stay quiet. */
export class ConnectionLine {
  #line;
  #timer;
  #wasOnline = false;

  constructor(line) {
    this.#line = line;
  }

  show(state) {
    if (state === "online") this.#wasOnline = true;
    if (state !== "offline") {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      setText(this.#line, "");
      return;
    }
    // Counted from the loss: failed tries in between don't start the wait again.
    this.#timer ??= setTimeout(() => {
      setText(this.#line, t(this.#wasOnline ? "reconnecting" : "connecting"));
    }, SILENT_MS);
  }
}
