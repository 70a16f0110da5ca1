import assert from "node:assert/strict";
import { test } from "node:test";

import {
  addMessage, assistantName, awaitsAnswer, countUnread, createState, endStream, isLive, setStatus,
} from "../../static/widget/store.js";

const message = (seq, kind = "customer") => ({ seq, message: `m${seq}`, author: { kind, name: kind } });

function stateWith(...messages) {
  const state = createState();
  messages.forEach((one) => addMessage(state, one));
  return state;
}

test("messages are taken once and in order", () => {
  const state = stateWith(message(1));
  assert.equal(addMessage(state, message(1)), "duplicate");
  assert.equal(addMessage(state, message(3)), "gap");
  assert.equal(addMessage(state, message(2)), "added");
  assert.deepEqual(state.messages.map(({ seq }) => seq), [1, 2]);
});

test("an answer is owed after a customer's message and not after its answer", () => {
  assert.ok(awaitsAnswer(stateWith(message(1)), false));
  assert.ok(awaitsAnswer(stateWith(), true));
  assert.ok(awaitsAnswer(stateWith(message(1), message(2, "system")), false));
  assert.ok(!awaitsAnswer(stateWith(message(1), message(2, "assistant")), false));
});

test("nothing is owed once a person holds the conversation or the answer was stopped", () => {
  const waiting = stateWith(message(1));
  setStatus(waiting, { status: "waiting", position: 2, wait_s: 60 });
  assert.ok(!awaitsAnswer(waiting, false));
  const stopped = stateWith(message(1));
  endStream(stopped, { message: "x", reason: "stopped" });
  assert.ok(!awaitsAnswer(stopped, false));
});

test("deltas of an answer that arrived, or was taken over, are dead", () => {
  const state = stateWith(message(1), message(2, "assistant"));
  assert.ok(!isLive(state, { message: "m2" }));
  assert.ok(isLive(state, { message: "m3" }));
  setStatus(state, { status: "agent", agent: "Ana" });
  assert.ok(!isLive(state, { message: "m3" }));
});

test("leaving the assistant drops its preview for good", () => {
  const state = stateWith(message(1));
  state.preview = { message: "p", attempt: 1, text: "half" };
  setStatus(state, { status: "agent", agent: "Ana" });
  assert.equal(state.preview, null);
  setStatus(state, { status: "assistant" });
  assert.ok(!isLive(state, { message: "p" }));
});

test("the place in the queue shows only while waiting", () => {
  const state = createState();
  setStatus(state, { status: "waiting", position: 1, wait_s: 30 });
  assert.deepEqual([state.position, state.waitSeconds], [1, 30]);
  setStatus(state, { status: "agent", agent: { name: "Ana" } });
  assert.deepEqual([state.position, state.waitSeconds, state.agent], [null, null, "Ana"]);
});

test("only others' words count as unread", () => {
  const state = stateWith(message(1), message(2, "assistant"), message(3, "system"), message(4, "agent"));
  assert.equal(countUnread(state, 0), 2);
  assert.equal(countUnread(state, 2), 1);
  assert.equal(assistantName(state), "assistant");
});
