/* What each frame of the server does to the state and to the views. */

import { t } from "./i18n.js";
import { showAlert } from "./notices.js";
import { applyDelta, resumePreview } from "./preview.js";
import { askRating, dropRating } from "./rating.js";
import { showStatus } from "./status.js";
import { addMessage, assistantName, awaitsAnswer, createState, dropPreview, endStream, isLive, setStatus } from "./store.js";
import { showSuggestions } from "./suggestions.js";
import { Typing } from "./typing.js";

const ENDING_MS = 5000;

export class Conversation {
  #views;
  #typing = new Typing({ onEnd: () => this.draw() });
  #historyEnd = null;
  state = createState();

  /** `views` also holds `outbox`, `connection`, `host`, `cards`, `say(text)` for picked suggestions, and `act(frame)`. */
  constructor(views) {
    this.#views = views;
  }

  /** Take in one frame; types that are not known here are ignored. */
  receive(frame) {
    const handlers = {
      welcome: () => this.#welcome(frame),
      ack: () => this.#views.outbox.acknowledge(frame.client_id),
      message: () => this.#message(frame),
      delta: () => this.#delta(frame),
      delta_end: () => this.#deltaEnd(frame),
      status: () => this.#status(frame),
      typing: () => this.#typing.take(frame),
      rating_request: () => askRating(this.#views),
      card: () => this.#views.cards.show(frame),
      offline: () => this.#views.offline.show(frame),
      contact_saved: () => this.#views.offline.saved(frame.email),
      error: () => this.#error(frame),
    };
    if (!Object.hasOwn(handlers, frame.type)) return;
    handlers[frame.type]();
    this.draw();
  }

  /** Draw what is going on, and keep the end in sight. */
  draw() {
    const { progress, scroll, stop, connection, outbox } = this.#views;
    const awaits = connection.state === "online" && awaitsAnswer(this.state, outbox.isSending);
    const { preview } = this.state;
    const typing = this.#typing.name;
    const who = preview?.text || !typing ? assistantName(this.state) || t("assistant") : typing;
    progress.show({ who, text: preview?.text, waits: typing ? "typing" : awaits && "answer" });
    stop.hidden = !(connection.state === "online" && ((preview && !preview.ending) || awaits));
    scroll.follow();
  }

  /** Start over with an empty conversation. */
  reset() {
    const { log, outbox, offline, rating, reading, intro, choices } = this.#views;
    this.state = createState();
    this.#historyEnd = null;
    reading.restart(0);
    outbox.clear();
    log.clear();
    offline.hide();
    dropRating(rating);
    intro.hidden = false;
    choices.hidden = true;
    showStatus(this.state);
    this.draw();
  }

  #welcome(frame) {
    const { log, outbox } = this.#views;
    frame.messages.forEach((message) => this.#take(message));
    if (this.#historyEnd === null) this.#historyEnd = frame.last_seq;
    this.#leaveHistory();
    this.#status(frame);
    const resumed = resumePreview(frame.streaming);
    this.state.preview = resumed && isLive(this.state, resumed) ? resumed : null;
    outbox.entries.forEach((entry) => log.showPending(entry));
    outbox.resend();
  }

  // A long history comes in pages behind the welcome: until its end nothing is news.
  #leaveHistory() {
    if (this.state.lastSeq < this.#historyEnd) return;
    this.#views.log.becomeLive();
    this.#views.reading.mark(this.state);
  }

  #message(message) {
    if (this.#take(message) === "gap") this.#views.connection.resync();
    else this.#leaveHistory();
  }

  #take(message) {
    const { log, outbox, scroll } = this.#views;
    const outcome = addMessage(this.state, message);
    if (outcome === "gap") return outcome;
    if (message.client_id) outbox.settle(message.client_id);
    if (outcome === "duplicate") return outcome;
    const item = log.add(message);
    this.#suggest(message);
    if (message.author.kind === "customer") {
      // A person can be asked for from the first message on.
      showStatus(this.state);
    } else {
      this.#typing.end();
      scroll.announce(item);
    }
    return outcome;
  }

  #suggest(message) {
    const { choices, intro, say } = this.#views;
    intro.hidden = this.state.lastSeq > 0;
    showSuggestions(choices, message.suggestions || [], say);
  }

  #delta(frame) {
    if (isLive(this.state, frame)) this.state.preview = applyDelta(this.state.preview, frame);
  }

  // The message that replaces the preview may never come, when its worker died just then.
  #deltaEnd(frame) {
    endStream(this.state, frame);
    setTimeout(() => {
      if (this.state.preview?.ending) dropPreview(this.state);
      this.draw();
    }, ENDING_MS);
  }

  #status(frame) {
    const { offline, rating, choices } = this.#views;
    if (this.state.status === "resolved" && frame.status !== "resolved") dropRating(rating);
    setStatus(this.state, frame);
    if (frame.status !== "waiting") offline.hide();
    else if (frame.people_online) offline.somebodyCame();
    if (frame.status !== "assistant") choices.hidden = true;
    showStatus(this.state);
  }

  #error(frame) {
    const { outbox, offline, cards } = this.#views;
    if (frame.call) cards.refuse(frame.call);
    if (frame.client_id) outbox.refuse(frame.client_id, frame);
    else if (frame.code === "rate_limited" && outbox.isSending) outbox.resendIn(frame.retry_after);
    else if (frame.code === "bad_email") offline.refused();
    else if (!["bad_frame", "unauthorized"].includes(frame.code)) showAlert(frame.detail);
  }
}
