/* The little of a browser that the tested modules touch. */

export class FakeStorage {
  items = new Map();

  getItem(key) {
    return this.items.get(key) ?? null;
  }

  setItem(key, value) {
    this.items.set(key, value);
  }

  removeItem(key) {
    this.items.delete(key);
  }
}

/** A fresh `window` with storage; returns it. */
export function openWindow() {
  globalThis.window = { localStorage: new FakeStorage(), sessionStorage: new FakeStorage() };
  return globalThis.window;
}

/** A WebSocket that records what is sent; `FakeSocket.last` is the newest. */
export class FakeSocket {
  static last = null;
  listeners = {};
  sent = [];

  constructor(url) {
    this.url = url;
    FakeSocket.last = this;
  }

  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  open() {
    this.listeners.open({});
  }

  receive(frame) {
    this.listeners.message({ data: JSON.stringify(frame) });
  }

  lose(code) {
    this.listeners.close({ code });
  }
}

/** Let promises that are ready run. */
export async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
