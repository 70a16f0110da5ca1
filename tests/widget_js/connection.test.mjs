import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { FakeSocket, settle } from "./browser.mjs";
import { backoffDelay } from "../../static/widget/backoff.js";
import { Connection } from "../../static/widget/connection.js";

const LONGER_THAN_ANY_WAIT_MS = 31000;
let states;
let frames;
let sessions;
let lastSeq;

function openConnection(openSession = async () => ({ token: `token-${sessions.length}` })) {
  return new Connection({
    openSession: (isRefused) => {
      sessions.push(isRefused);
      return openSession();
    },
    url: "ws://chat",
    lastSeq: () => lastSeq,
    onFrame: (frame) => frames.push(frame),
    onState: (...state) => states.push(state),
  });
}

async function welcomed(connection) {
  await connection.connect();
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: "welcome" });
  return FakeSocket.last;
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  globalThis.WebSocket = FakeSocket;
  FakeSocket.last = null;
  [states, frames, sessions, lastSeq] = [[], [], [], 0];
});

test("hello carries the token and the last message seen", async () => {
  lastSeq = 7;
  const socket = await welcomed(openConnection());
  assert.deepEqual(socket.sent[0], { type: "hello", token: "token-1", after: 7 });
  assert.deepEqual(states.at(-1), ["online", undefined]);
});

test("a lost connection comes back with the same session", async () => {
  const socket = await welcomed(openConnection());
  socket.lose(1006);
  assert.equal(states.at(-1)[0], "offline");
  mock.timers.tick(LONGER_THAN_ANY_WAIT_MS);
  await settle();
  assert.notEqual(FakeSocket.last, socket);
  assert.equal(sessions.length, 1);
});

test("4401 opens the session anew, and a second refusal drops its token", async () => {
  await openConnection().connect();
  for (const refusal of [1, 2]) {
    FakeSocket.last.open();
    FakeSocket.last.lose(4401);
    mock.timers.tick(LONGER_THAN_ANY_WAIT_MS);
    await settle();
    assert.equal(sessions.length, refusal + 1);
  }
  assert.deepEqual(sessions, [false, false, true]);
});

test("4403 ends it for good", async () => {
  const socket = await welcomed(openConnection());
  socket.lose(4403);
  assert.deepEqual(states.at(-1), ["stopped", "forbidden"]);
  mock.timers.tick(LONGER_THAN_ANY_WAIT_MS);
  await settle();
  assert.equal(FakeSocket.last, socket);
});

test("a ping without an answer ends the connection", async () => {
  const socket = await welcomed(openConnection());
  mock.timers.tick(25000);
  assert.deepEqual(socket.sent.at(-1), { type: "ping" });
  mock.timers.tick(10000);
  assert.ok(socket.isClosed);
  assert.equal(states.at(-1)[0], "offline");
});

test("any frame counts as a sign of life", async () => {
  const socket = await welcomed(openConnection());
  mock.timers.tick(25000);
  socket.receive({ type: "pong" });
  mock.timers.tick(10000);
  assert.ok(!socket.isClosed);
});

test("a wish made while away is sent once after the welcome", async () => {
  const connection = openConnection();
  connection.sendSoon({ type: "handoff" });
  connection.sendSoon({ type: "handoff" });
  connection.sendSoon({ type: "feedback", message: "a", helpful: true });
  connection.sendSoon({ type: "feedback", message: "b", helpful: false });
  const socket = await welcomed(connection);
  assert.deepEqual(socket.sent.slice(1).map(({ type, message }) => `${type} ${message ?? ""}`), ["handoff ", "feedback a", "feedback b"]);
});

test("a fatal refusal of the session stops, a passing one is tried again", async () => {
  await openConnection(async () => Promise.reject(Object.assign(new Error(), { fatal: true, code: "forbidden" }))).connect();
  assert.deepEqual(states.at(-1), ["stopped", "forbidden"]);
  await openConnection(async () => Promise.reject(new TypeError("network"))).connect();
  assert.equal(states.at(-1)[0], "offline");
  mock.timers.tick(LONGER_THAN_ANY_WAIT_MS);
  await settle();
  assert.equal(sessions.length, 3);
});

test("the wait is anywhere up to a doubling bound of 30 s", () => {
  const longest = () => 1;
  assert.deepEqual([0, 1, 4, 5, 50].map((attempt) => backoffDelay(attempt, longest)), [1000, 2000, 16000, 30000, 30000]);
  assert.equal(backoffDelay(9, () => 0), 0);
});
