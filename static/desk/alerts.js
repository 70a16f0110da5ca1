/* Tells of new hand-offs: by a sound where it is wanted, in the title, and in words always. */

import { part } from "./fragments.js";
import { passing } from "../shared/storage.js";
import { makeSwitch } from "./switches.js";

const KNOWN = "desk.known";
const WORDS_MS = 15000;

export class Alerts {
  #news;
  #audio;
  #sound;
  #timer;
  #title = document.title.replace(/^\(\d+\) /, "");

  constructor() {
    const settings = document.getElementById("desk-toggles");
    this.#news = document.getElementById("news");
    this.#audio = new Audio(settings.dataset.sound);
    this.#sound = makeSwitch(document.getElementById("sound"), {
      key: "desk.sound",
      initial: false,
      // The click is the gesture that browsers want before a page may be heard.
      onChange: (isOn) => isOn && this.#play(),
    });
    settings.hidden = false;
  }

  /** Compare who waits with whom this tab has told of; rows, not hints, decide what is new. */
  look(root) {
    const waiting = part(root, "waiting");
    this.#badge(Number(waiting.dataset.waiting));
    // Who moves up from a page behind is not new.
    if (waiting.dataset.page !== "1") return;
    const rows = [...waiting.querySelectorAll("[data-row]")];
    const ids = rows.map((row) => row.dataset.row);
    const known = passing.get(KNOWN);
    const isNew = (row) => known !== null && !known.includes(row.dataset.row);
    passing.set(KNOWN, ids);
    if (waiting.dataset.available === "1") this.#tell(rows.filter(isNew));
  }

  #badge(count) {
    document.title = count ? `(${count}) ${this.#title}` : this.#title;
    for (const place of document.querySelectorAll("[data-waiting-count]")) {
      place.textContent = count ? `(${count})` : "";
    }
  }

  #tell(rows) {
    if (!rows.length) return;
    const [first] = rows;
    this.#news.textContent =
      rows.length === 1 ? `New in the queue: ${first.dataset.news}` : `${rows.length} new in the queue`;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#news.textContent = ""), WORDS_MS);
    if (this.#sound.isOn()) this.#play();
  }

  #play() {
    this.#audio.currentTime = 0;
    // Refused until the first gesture on this page; the words and the title stay.
    this.#audio.play().catch(() => undefined);
  }
}
