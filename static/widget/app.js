/* Wires the parts of the frame together and starts them. */

import { ActionCards } from "./action_card.js";
import { applyAccent } from "./accent.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { byId } from "./dom.js";
import { usableLocale } from "./format.js";
import { Host } from "./host.js";
import { loadLanguage, t } from "./i18n.js";
import { Log } from "./log.js";
import { Menu } from "./menu.js";
import { clearAlert, showAlert } from "./notices.js";
import { OfflineCard } from "./offline.js";
import { Outbox } from "./outbox.js";
import { labelPage, showPrivacy } from "./page.js";
import { Progress } from "./progress.js";
import { Reading } from "./reading.js";
import { Scroll } from "./scroll.js";
import { Session } from "./session.js";
import { ConnectionLine, setUpTalk, showStatus } from "./status.js";
import { showSuggestions } from "./suggestions.js";
import { downloadTranscript } from "./transcript.js";

const { site, accent, origin, locale: wanted } = document.body.dataset;
const locale = usableLocale(wanted);
applyAccent(accent);
await loadLanguage(wanted);
labelPage();

const session = new Session({ site, locale: wanted });
const views = {
  progress: new Progress(),
  scroll: new Scroll({ scroller: byId("scroller"), button: byId("new-messages"), writing: byId("progress") }),
  rating: byId("rating"),
  choices: byId("choices"),
  intro: byId("intro"),
  stop: byId("stop"),
  say,
  act,
};
const conversation = new Conversation(views);
const line = new ConnectionLine(byId("connection"));

views.connection = new Connection({
  openSession,
  url: `${location.origin.replace(/^http/, "ws")}/ws/chat/`,
  lastSeq: () => conversation.state.lastSeq,
  onFrame: (frame) => conversation.receive(frame),
  onState: showConnection,
});
views.outbox = new Outbox({
  site,
  send: (frame) => views.connection.send(frame),
  onChange: (entry) => { views.log.showPending(entry); conversation.draw(); },
  onRefused: giveBack,
});
views.cards = new ActionCards({ locale, onDecide: (call, accept) => views.connection.sendSoon({ type: "confirm", call, accept }) });
views.log = new Log({
  locale, cards: views.cards,
  onFeedback: (message, helpful) => views.connection.sendSoon({ type: "feedback", message, helpful }),
  onRetry: (clientId) => { views.outbox.retry(clientId); views.scroll.toEnd(); },
});
views.offline = new OfflineCard({
  box: byId("offline"), site, send: act,
  conversation: () => session.current?.conversation,
  onResumed: () => views.composer.focus(),
});
views.composer = new Composer({ site, onSend: say, onTyping: (on) => views.connection.send({ type: "typing", on }) });
views.host = new Host({
  origin,
  on: { open: ({ focus }) => opened(focus), identify: ({ customer }) => identify(customer), page: ({ url }) => session.describe({ page_url: url }) },
});
views.reading = new Reading(views);
const menu = new Menu({
  status: () => conversation.state.status,
  items: [
    { key: "newConversation", when: (status) => status === "resolved", onPick: () => { startAnew(); views.composer.focus(); } },
    { key: "download", when: () => true, onPick: () => downloadTranscript(conversation.state.messages, locale) },
    { key: "endConversation", when: (status) => status !== "resolved", onPick: () => act({ type: "end" }) },
  ],
});

async function openSession(isRefused) {
  if (isRefused) session.forget();
  const before = session.current?.conversation;
  const opened = await session.open();
  // Of one in which nothing was said, only what is being sent is left: it goes into the next.
  if (before && before !== opened.conversation && conversation.state.lastSeq) conversation.reset();
  views.composer.limit = opened.site.max_chars || views.composer.limit;
  showSuggestions(byId("starters"), opened.site.suggestions || [], say);
  showPrivacy(opened.site.privacy_url);
  return opened;
}

function say(text) {
  clearAlert();
  views.intro.hidden = true;
  views.choices.hidden = true;
  views.outbox.add(text);
  views.scroll.toEnd();
}

// What comes of the customer's own press comes at the end.
function act(frame) {
  views.connection.sendSoon(frame);
  views.scroll.toEnd();
}

function giveBack(entry, detail) {
  views.log.removePending(entry.client_id);
  if (!views.composer.text) views.composer.text = entry.text;
  showAlert(`${detail || ""} ${t("notSent")}`.trim());
}

function showConnection(state, code) {
  line.show(state);
  conversation.draw();
  if (state !== "stopped") return;
  showAlert(t(code === "forbidden" ? "forbidden" : "unavailable"));
  views.composer.disable();
}

function opened(focus) {
  if (!session.current && views.connection.state === "offline") views.connection.connect();
  views.reading.mark(conversation.state);
  // On a touch screen the text box would bring up the keyboard over the greeting.
  if (focus) (matchMedia("(pointer: coarse)").matches ? byId("title") : byId("message")).focus();
  views.scroll.follow();
}

function identify(customer) {
  session.describe({ customer });
  if (!customer) startAnew();
  else if (session.current) views.connection.connect({ fresh: true });
}

function startAnew() {
  session.forget();
  conversation.reset();
  views.connection.connect({ fresh: true });
}

showStatus(conversation.state);
setUpTalk(() => act({ type: "handoff" }));
byId("close").addEventListener("click", () => views.host.post("close"));
views.stop.addEventListener("click", () => { views.connection.send({ type: "stop" }); views.scroll.toEnd(); });
document.addEventListener("visibilitychange", () => views.reading.mark(conversation.state));
window.addEventListener("online", () => views.connection.wake());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing && !menu.close()) views.host.post("escape");
});
if (views.host.isOpen) opened(true);
views.host.post("ready", { accent });
