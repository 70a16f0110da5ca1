/* The panel that shows a piece of help: a model's words, so they are text and never HTML. */

export class Panel {
  #panel;
  #title;
  #text;
  #sources;
  #use;
  #isOfReply = false;
  #from = null;

  /** `onUse` gets the text when the agent wants it in the reply. */
  constructor({ root, onUse }) {
    this.#panel = root.querySelector("#help-panel");
    this.#title = root.querySelector("#help-title");
    this.#text = root.querySelector("#help-text");
    this.#sources = root.querySelector("#help-sources");
    this.#use = root.querySelector("#help-use");
    this.#use.addEventListener("click", () => onUse(this.#text.textContent));
    root.querySelector("#help-close").addEventListener("click", () => this.#close());
    this.#panel.addEventListener("keydown", (event) => event.key === "Escape" && this.#close());
  }

  /** `isOfReply` tells what is no use once the reply is sent. */
  show({ title, text, sources = [], mayUse, isOfReply }) {
    this.#isOfReply = isOfReply;
    this.#title.textContent = title;
    this.#text.textContent = text;
    this.#text.hidden = !text;
    this.#use.hidden = !mayUse;
    this.#sources.replaceChildren(...sources.map(sourceItem));
    this.#panel.hidden = false;
  }

  /** Show only what a text in the reply box rests on; nothing where it rests on nothing. */
  showSources(title, sources) {
    if (sources.length) this.show({ title, text: "", sources, mayUse: false, isOfReply: true });
    else this.#panel.hidden = true;
  }

  /** A summary stays: the next reply may need it. */
  forgetReply() {
    if (this.#isOfReply) this.#panel.hidden = true;
  }

  /** Lead the reader to the panel, and remember where from. */
  focus() {
    this.#from = document.activeElement;
    this.#title.focus();
  }

  #close() {
    this.#panel.hidden = true;
    (this.#from?.isConnected ? this.#from : document.body).focus();
  }
}

function sourceItem({ title, url, quote }) {
  const item = document.createElement("li");
  const isAddress = /^(https?:\/\/|\/(?![/\\]))/.test(url ?? "");
  if (!isAddress) {
    item.textContent = title;
    return item;
  }
  const link = document.createElement("a");
  Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer", title: quote });
  link.textContent = title;
  item.append(link);
  return item;
}
