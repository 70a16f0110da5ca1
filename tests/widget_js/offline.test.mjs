import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { OfflineCard } from "../../static/widget/offline.js";
import { openWindow } from "./browser.mjs";
import { openDocument } from "./elements.mjs";

beforeEach(() => openWindow());

function freshCard({ conversation = "c1" } = {}) {
  const box = openDocument().createElement("div");
  box.hidden = true;
  const card = new OfflineCard({ box, site: "demo", conversation: () => conversation, send() {}, onResumed() {} });
  return { box, card };
}

function cardOf({ email_saved = false } = {}) {
  const { box, card } = freshCard();
  const frame = { text: "Leave your e-mail", email_saved };
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

test("the form comes back after a reload, though somebody is there", () => {
  cardOf();
  const { box, card } = freshCard();
  card.somebodyCame();
  assert.equal(box.hidden, false);
  assert.ok(box.querySelector("form"));
  assert.equal(box.querySelector(".card__title").hidden, true);
});

test("after a reload there is no form where the wait has ended or an address is known", () => {
  const ends = [(card) => card.hide(), (card) => card.show({ email_saved: true })];
  for (const end of ends) {
    end(cardOf().card);
    const { box, card } = freshCard();
    card.somebodyCame();
    assert.equal(box.hidden, true);
  }
});

test("the form of one conversation does not come back in another", () => {
  cardOf();
  const { box, card } = freshCard({ conversation: "c2" });
  card.somebodyCame();
  assert.equal(box.hidden, true);
});
