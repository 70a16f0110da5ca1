/* The conversation as the customer sees it: pure state, no page and no network. */

import { endPreview } from "./preview.js";

export function createState() {
  return {
    lastSeq: 0,
    messages: [],
    status: "assistant",
    agent: "",
    position: null,
    waitSeconds: null,
    preview: null,
    ended: new Set(),
    endedSeq: 0,
  };
}

/** Take in a durable message: "added", "duplicate", or "gap" when one before it is missing. */
export function addMessage(state, message) {
  if (message.seq <= state.lastSeq) return "duplicate";
  if (message.seq > state.lastSeq + 1) return "gap";
  state.messages.push(message);
  state.lastSeq = message.seq;
  state.ended.add(message.message);
  if (message.author.kind === "assistant" || state.preview?.message === message.message) dropPreview(state);
  return "added";
}

/** Forget the answer being written; deltas of it that still come are ignored. */
export function dropPreview(state) {
  if (state.preview) state.ended.add(state.preview.message);
  state.preview = null;
}

/** Take in `delta_end`: after anything but a retry nothing more is owed for what was said so far. */
export function endStream(state, frame) {
  state.preview = endPreview(state.preview, frame);
  if (frame.reason !== "retry") state.endedSeq = state.lastSeq;
  if (!["retry", "final", "stopped"].includes(frame.reason)) state.ended.add(frame.message);
}

/** Whether a delta still belongs to an answer that has not arrived as a message. */
export function isLive(state, delta) {
  return state.status === "assistant" && !state.ended.has(delta.message);
}

/** Take in who holds the conversation, from a `status` or `welcome` frame. */
export function setStatus(state, { status, agent, position, wait_s: waitSeconds }) {
  state.status = status;
  state.agent = status === "agent" ? nameOf(agent) || state.agent : "";
  // Kept while the assistant helps meanwhile.
  state.position = ["waiting", "assistant"].includes(status) ? position ?? null : null;
  state.waitSeconds = status === "waiting" ? waitSeconds ?? null : null;
  if (status !== "assistant") dropPreview(state);
}

function nameOf(agent) {
  return (typeof agent === "object" && agent ? agent.name : agent) || "";
}

/** The name that the assistant has used so far, if any. */
export function assistantName(state) {
  return state.messages.findLast(({ author }) => author.kind === "assistant")?.author.name || "";
}

/** Whether the assistant owes the customer an answer. */
export function awaitsAnswer(state, hasUnsent) {
  if (state.status !== "assistant") return false;
  const last = state.messages.findLast(({ author }) => author.kind !== "system");
  return hasUnsent || (last?.author.kind === "customer" && last.seq > state.endedSeq);
}

/** How many messages of others lie after `seq`. */
export function countUnread(state, seq) {
  return state.messages.filter((message) => message.seq > seq && ["assistant", "agent"].includes(message.author.kind)).length;
}
