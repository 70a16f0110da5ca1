/* Help with a conversation: asked for by a click, shown beside the reply box. Nothing is sent. */

import { Panel } from "./help_panel.js";

const PATIENCE_MS = 15000;
// The socket tells when it is there; asking goes on all the same, as hints may be lost.
const LOOK_MS = 2000;
const GIVE_UP_MS = 75000;
const LOST = "The server can't be reached. Please try again.";
const TITLES = { draft_reply: "Draft", summary: "Summary", translation: "Translation" };
const WAITING = {
  draft_reply: "Drafting a reply…",
  summary: "Summarising…",
  translation: "Translating…",
};

export class Help {
  #root;
  #box;
  #conversation;
  #state;
  #panel;
  #mayReply = false;
  #asked = null;

  /** `box` is the reply's text box; `conversation` the id of the one on the page. */
  constructor({ root, box, conversation }) {
    [this.#root, this.#box, this.#conversation] = [root, box, conversation];
    this.#state = root.querySelector("#help-state");
    this.#panel = new Panel({ root, onUse: (text) => this.#write(text) });
    for (const button of root.querySelectorAll("[data-help]")) {
      button.addEventListener("click", () => this.#ask(button));
    }
    root.hidden = false;
  }

  /** Look at once when the socket tells that the help asked for is there. */
  take({ helper }) {
    if (helper === this.#asked?.id) this.#look(this.#asked);
  }

  /** Offer what ends in a reply to whoever may write one, at once or after taking. */
  offerReply(mayReply) {
    this.#mayReply = mayReply;
    this.#root.querySelector('[data-help="draft_reply"]').hidden = !mayReply;
    if (!mayReply) this.#panel.forgetReply();
  }

  /** The reply is sent: what was said of it is over. */
  forgetReply() {
    if (!this.#asked) this.#state.textContent = "";
    this.#panel.forgetReply();
  }

  async #ask(button) {
    if (this.#asked) return;
    const kind = button.dataset.help;
    // What was written meanwhile is never overwritten: it is compared with this.
    const before = this.#box.value;
    const asked = { kind, before, id: null, until: Date.now() + GIVE_UP_MS };
    this.#begin(asked);
    const body = { kind, conversation: this.#conversation };
    if (kind === "translation" && before.trim()) body.text = before;
    const run = await this.#request(this.#root.dataset.url, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.#root.dataset.token },
    });
    if (run.error) return this.#end(run.error.detail);
    asked.id = run.id;
    this.#look(asked);
  }

  async #look(asked) {
    clearTimeout(asked.timer);
    const run = await this.#request(`${this.#root.dataset.url}${asked.id}/`);
    if (asked !== this.#asked) return;
    if (run.state === "done") return this.#show(asked, run);
    // A lost connection is waited for: the help may be there when it is back.
    if (run.error?.code || Date.now() > asked.until) return this.#end(run.error?.detail ?? "It took too long. Please try again.");
    asked.timer = setTimeout(() => this.#look(asked), LOOK_MS);
  }

  async #request(url, options = {}) {
    try {
      const response = await fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
      return await response.json();
    } catch {
      return { error: { detail: LOST } };
    }
  }

  #begin(asked) {
    this.#asked = asked;
    this.#busy(true);
    this.#state.textContent = WAITING[asked.kind];
  }

  #end(text) {
    clearTimeout(this.#asked?.timer);
    this.#asked = null;
    this.#busy(false);
    this.#state.textContent = text;
  }

  #busy(isBusy) {
    for (const button of this.#root.querySelectorAll("[data-help]")) {
      button.ariaDisabled = isBusy ? "true" : null;
    }
  }

  /** A draft and a translated reply go into the box, if that is still as it was. */
  #show(asked, { output, by_model: byModel }) {
    const { kind, before } = asked;
    const isForBox = kind === "draft_reply" ? !before.trim() : kind === "translation" && before.trim();
    const { value, disabled } = this.#box;
    if (isForBox && value === before && !disabled) {
      this.#write(output.text);
      this.#end("In the reply box. Read it before you send it.");
      if (kind === "draft_reply") this.#panel.showSources("Drafted from", output.sources);
      else this.#panel.show({ title: "Before the translation", text: before, mayUse: true, isOfReply: true });
      return;
    }
    this.#end("");
    const isOfReply = kind !== "summary" && (kind === "draft_reply" || Boolean(before.trim()));
    const mayUse = isOfReply && this.#mayReply;
    const title = byModel ? TITLES[kind] : `${TITLES[kind]}, in the words that were said`;
    this.#panel.show({ ...output, title: kind === "summary" ? title : TITLES[kind], mayUse, isOfReply });
    this.#panel.focus();
  }

  #write(text) {
    if (this.#box.disabled) {
      this.#state.textContent = "Take the conversation first.";
      return;
    }
    this.#box.value = text;
    // The composer keeps drafts by this.
    this.#box.dispatchEvent(new Event("input", { bubbles: true }));
    this.#box.focus();
  }
}
