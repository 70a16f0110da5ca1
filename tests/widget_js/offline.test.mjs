import assert from "node:assert/strict";
import { test } from "node:test";

import { OfflineCard } from "../../static/widget/offline.js";
import { openDocument } from "./elements.mjs";

function cardOf({ email_saved = false } = {}) {
  const box = openDocument().createElement("div");
  const frame = { text: "Leave your e-mail", email_saved };
  const card = new OfflineCard({ box, send() {}, onResumed() {} });
  card.show(frame);
  return { box, card, frame };
}

test("the form stays when somebody comes, and does not say that nobody is there", () => {
  const { box, card } = cardOf();
  const form = box.querySelector("form");
  card.somebodyCame();
  assert.equal(box.hidden, false);
  assert.equal(box.querySelector("form"), form);
  assert.equal(box.querySelector(".card__title").hidden, true);
});

test("when they leave again the card says so, and keeps what is being typed", () => {
  const { box, card, frame } = cardOf();
  const form = box.querySelector("form");
  card.somebodyCame();
  card.show(frame);
  assert.equal(box.querySelector(".card__title").hidden, false);
  assert.equal(box.querySelector("form"), form);
});

test("where an address was left the card goes when somebody comes", () => {
  const { box, card } = cardOf({ email_saved: true });
  card.somebodyCame();
  assert.equal(box.hidden, true);
});

test("a card that went does not come back with somebody who comes", () => {
  const { box, card } = cardOf();
  card.hide();
  card.somebodyCame();
  assert.equal(box.hidden, true);
});
