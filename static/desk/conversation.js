/* The conversation page: follows one conversation, and tells of new ones in the queue. */

import { Alerts } from "./alerts.js";
import { startClock, tick } from "./clock.js";
import { Composer } from "./composer.js";
import { fetchFragments, part, swap } from "./fragments.js";
import { Help } from "./help.js";
import { bindKeys } from "./keyboard.js";
import { Live, oneAtATime } from "./live.js";
import { post } from "./post.js";
import { Preview } from "./preview.js";
import { Transcript } from "./transcript.js";
import { CustomerTyping, OwnTyping } from "./typing.js";

const byId = (id) => document.getElementById(id);
const page = byId("console");
const { conversation, fragments, queue } = page.dataset;

const transcript = new Transcript({ log: byId("log"), lines: byId("lines"), toEnd: byId("to-end") });
const preview = new Preview(byId("preview"));
const customer = new CustomerTyping(byId("typing"));
const alerts = new Alerts();
startClock();

const messagesAfter = (seq) => fetchFragments(`${fragments}?after=${seq}&whole=1`);
const revisionOf = (root) => Number(part(root, "head").dataset.revision);
const holderOf = (root) => {
  const { status, mine } = part(root, "head").dataset;
  return `${status} ${mine}`;
};
let revision = revisionOf(document);

const refresh = oneAtATime(async () => {
  let fresh = await messagesAfter(transcript.last);
  // A thumb changes messages that are shown already.
  if (revisionOf(fresh) !== revision) fresh = await messagesAfter(transcript.before);
  revision = revisionOf(fresh);
  const before = holderOf(document);
  if (part(fresh, "lines").querySelector(`[data-message="${preview.message}"]`)) preview.end();
  transcript.merge(fresh);
  for (const name of ["head", "hint", "side", "keys"]) swap(fresh, name);
  if (holderOf(document) !== before) forgetNews();
  showComposer();
  tick();
});
const lookAtQueue = oneAtATime(async () => alerts.look(await fetchFragments(queue)));

const live = new Live({
  refresh: () => Promise.all([refresh(), lookAtQueue()]),
  onFrame: take,
  state: byId("connection"),
  greeting: { type: "watch", conversation },
});
const typing = new OwnTyping((on) => live.send({ type: "typing", on }));
const composer = new Composer({
  form: byId("reply-form"),
  conversation,
  onSent: followReply,
  onWrite: (isWriting) => (isWriting ? typing.wrote() : typing.stop()),
});

const help = new Help({ root: byId("help"), box: byId("reply"), conversation });

showComposer();

function showComposer() {
  const { open, mine } = part(document, "head").dataset;
  composer.show({ isOpen: open === "1", isMine: mine === "1" });
  help.offerReply(mine === "1" || Boolean(byId("take")));
}

/** Whoever sent a reply sees it, wherever the log was, and no longer what it was drafted from. */
async function followReply(isStored) {
  if (isStored) help.forgetReply();
  await refresh();
  if (isStored) transcript.scrollToEnd();
}

/** What was said of an earlier holder is not true any more, whoever said it. */
function forgetNews() {
  byId("news").textContent = "";
  document.querySelector(".messagelist")?.remove();
}

function take(frame) {
  if (frame.type === "conversation") catchUp(frame);
  else if (frame.type === "helper") help.take(frame);
  else if (frame.type === "typing") customer.take(frame);
  else if (frame.type === "delta") showPiece(frame);
  // After a final end the message itself takes the preview's place.
  else if (frame.type === "delta_end" && frame.reason !== "final") preview.end();
  else if (["queue", "hand_off"].includes(frame.type)) lookAround();
}

/** The queue changed: also where a colleague went away whose customer this is. */
function lookAround() {
  lookAtQueue();
  const { status, mine } = part(document, "head").dataset;
  if (status === "agent" && mine !== "1") refresh();
}

function catchUp(frame) {
  if (frame.seq > transcript.last || frame.revision !== revision) refresh();
}

function showPiece(frame) {
  const wasAtEnd = transcript.isAtEnd;
  preview.add(frame);
  transcript.settle(wasAtEnd, true);
}

byId("actions").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { submitter } = event;
  if (submitter.ariaDisabled === "true") return;
  submitter.ariaDisabled = "true";
  byId("action-problem").textContent = "";
  const answer = await post(submitter.formAction, event.target);
  submitter.ariaDisabled = null;
  forgetNews();
  await refresh();
  byId(answer.ok ? "news" : "action-problem").textContent = answer.detail;
  if (answer.ok && submitter.id === "take") composer.focus();
});

bindKeys({
  t: () => byId("take")?.click(),
  r: () => composer.focus(),
  // With Shift: an "e" typed beside the reply box must not end a conversation.
  E: () => byId("resolve")?.click(),
  q: () => location.assign(byId("to-queue").href),
});
