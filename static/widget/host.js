/* Talks to the page that holds the frame, and to that page only. */

export class Host {
  #origin;
  #unread = 0;
  isOpen = window.parent === window;

  /** `origin` is the page's, checked by the server; `on` maps message types to handlers. */
  constructor({ origin, on }) {
    this.#origin = origin;
    window.addEventListener("message", (event) => {
      const { data } = event;
      if (event.source !== window.parent || event.origin !== origin || data?.supportbot !== 1) return;
      if (data.type === "open" || data.type === "closed") this.isOpen = data.type === "open";
      if (Object.hasOwn(on, data.type)) on[data.type](data);
    });
  }

  post(type, extra = {}) {
    if (window.parent !== window) window.parent.postMessage({ supportbot: 1, type, ...extra }, this.#origin);
  }

  showUnread(count) {
    if (count === this.#unread) return;
    this.#unread = count;
    this.post("unread", { count });
  }
}
