/* The staff's socket: hints only. While it is away the page asks by itself. */

const POLL_MS = 15000;
const CAP_MS = 30000;
const CALM_MS = 2000;
const AGAIN_MS = 5000;
const LOST_PERMISSION = 4403;

export class Live {
  #options;
  #socket;
  #failures = 0;
  #calm;

  /** `refresh` fetches what the page shows; `onFrame` gets each frame; `greeting` is said first. */
  constructor({ refresh, onFrame, state, greeting }) {
    this.#options = { refresh, onFrame, state, greeting };
    setInterval(() => this.isOpen || refresh(), POLL_MS);
    document.addEventListener("visibilitychange", () => document.hidden || refresh());
    window.addEventListener("online", () => this.isOpen || this.#open());
    this.#open();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Send a frame if there is a socket: what an agent does never depends on it. */
  send(frame) {
    if (this.isOpen) this.#socket.send(JSON.stringify(frame));
  }

  #open() {
    if (this.#socket?.readyState === WebSocket.CONNECTING) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/desk/`);
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#options.onFrame(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.#socket && this.#closed(event.code);
  }

  #opened() {
    this.#failures = 0;
    clearTimeout(this.#calm);
    this.#calm = undefined;
    this.#say("");
    if (this.#options.greeting) this.send(this.#options.greeting);
    this.#options.refresh();
  }

  #closed(code) {
    if (code === LOST_PERMISSION) return location.reload();
    // A moment's gap, as between two deployments, is not worth a word.
    this.#calm ??= setTimeout(() => this.#say("Reconnecting. The page looks for news every 15 seconds."), CALM_MS);
    const wait = Math.random() * Math.min(CAP_MS, 1000 * 2 ** this.#failures++);
    setTimeout(() => this.#open(), wait);
  }

  #say(text) {
    this.#options.state.textContent = text;
  }
}

/** Return a function that runs `work` once at a time, once more if asked for meanwhile, and again
    a while after it failed: what a hint told of is not told twice. */
export function oneAtATime(work) {
  let running = null;
  let again = false;
  let retry;
  async function run() {
    do {
      again = false;
      clearTimeout(retry);
      await work().catch(() => (retry = setTimeout(start, AGAIN_MS)));
    } while (again);
    running = null;
  }
  function start() {
    again = running !== null;
    running ??= run();
    return running;
  }
  return start;
}
