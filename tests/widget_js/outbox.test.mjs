import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { openWindow } from "./browser.mjs";
import { Outbox } from "../../static/widget/outbox.js";

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
let sent;
let refused;

function openOutbox() {
  return new Outbox({
    site: "demo",
    send: (frame) => sent.push(frame),
    onChange: () => {},
    onRefused: (entry, detail) => refused.push([entry.text, detail]),
  });
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  openWindow();
  sent = [];
  refused = [];
});

test("a message is sent again under the same id until it is acknowledged", () => {
  const outbox = openOutbox();
  outbox.add("hello");
  outbox.resend();
  assert.equal(sent.length, 2);
  assert.match(sent[0].client_id, UUID4);
  assert.equal(sent[0].client_id, sent[1].client_id);
  outbox.acknowledge(sent[0].client_id);
  outbox.resend();
  assert.equal(sent.length, 2);
});

test("what is not acknowledged survives a reload, in order", () => {
  const before = openOutbox();
  before.add("one");
  before.add("two");
  before.acknowledge(sent[0].client_id);
  const after = openOutbox();
  assert.deepEqual(after.entries.map(({ text }) => text), ["two"]);
  after.resend();
  assert.equal(sent[2].client_id, sent[1].client_id);
});

test("without an acknowledgement it is marked and can be tried again", () => {
  const outbox = openOutbox();
  outbox.add("hello");
  mock.timers.tick(20000);
  assert.equal(outbox.entries[0].state, "failed");
  assert.ok(!outbox.isSending);
  outbox.retry(outbox.entries[0].client_id);
  assert.equal(outbox.entries[0].state, "sending");
  assert.equal(sent.length, 2);
});

test("a rate limit is waited out by itself", () => {
  const outbox = openOutbox();
  outbox.add("hello");
  outbox.refuse(sent[0].client_id, { code: "rate_limited", retry_after: 2 });
  mock.timers.tick(1999);
  assert.equal(sent.length, 1);
  mock.timers.tick(1);
  assert.equal(sent.length, 2);
  assert.deepEqual(refused, []);
});

test("a refused message gives its text back and is not sent again", () => {
  const outbox = openOutbox();
  outbox.add("too long");
  outbox.refuse(sent[0].client_id, { code: "too_long", detail: "Shorter, please." });
  assert.deepEqual(refused, [["too long", "Shorter, please."]]);
  outbox.resend();
  assert.equal(sent.length, 1);
  assert.deepEqual(openOutbox().entries, []);
});
