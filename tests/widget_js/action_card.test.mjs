import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ActionCards } from "../../static/widget/action_card.js";
import { openDocument } from "./elements.mjs";

const CARD = { call: "c1", title: "Stop order 1?", lines: ["<b>Boots</b>"], state: "proposed", expires_at: null };

function cardOf(fields = {}) {
  openDocument();
  const decided = [];
  const cards = new ActionCards({ locale: "en", onDecide: (...decision) => decided.push(decision) });
  const node = cards.add({ ...CARD, ...fields });
  const [row] = node.childNodes.filter((child) => child.attributes?.class === "action__buttons");
  const [line] = node.childNodes.filter((child) => child.attributes?.class === "action__state");
  const [yes, no] = node.all("button");
  return { cards, decided, node, row, line, yes, no };
}

test("a card says what will happen, as text", () => {
  const { node } = cardOf();
  assert.ok(node.textContent.startsWith("Stop order 1?<b>Boots</b>ConfirmCancel"));
  assert.equal(node.all("b").length, 0);
});

test("one click decides, however often it is made", () => {
  const { decided, yes, no } = cardOf();
  yes.click();
  yes.click();
  no.click();
  assert.deepEqual(decided, [["c1", true]]);
  assert.equal(yes.attributes["aria-disabled"], "true");
});

test("a refused click, or one without an answer, may be made again", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { cards, decided, no } = cardOf();
  no.click();
  cards.refuse("c1");
  no.click();
  mock.timers.tick(10000);
  no.click();
  mock.timers.reset();
  assert.equal(decided.length, 3);
});

test("the buttons go with the decision, and the focus stays in the card", () => {
  const { cards, node, row, line, yes } = cardOf();
  yes.click();
  cards.show({ call: "c1", state: "confirmed" });
  assert.ok(row.hidden);
  assert.equal(document.activeElement, line);
  cards.show({ call: "c1", state: "done" });
  assert.equal(node.dataset.state, "done");
  assert.match(line.textContent, /^Done$/);
});

test("a card that is decided elsewhere does not take the focus", () => {
  const { cards } = cardOf();
  document.activeElement = "composer";
  cards.show({ call: "c1", state: "cancelled" });
  assert.equal(document.activeElement, "composer");
});

test("every state has its words, and one from a later server does not break it", () => {
  const states = ["confirmed", "working", "done", "cancelled", "expired", "failed", "unknown", "brand-new"];
  states.forEach((state) => assert.ok(cardOf({ state }).line.textContent.length > 3, state));
});

test("news of a card that is not shown is left aside", () => {
  cardOf().cards.show({ call: "other", state: "done" });
});
