import assert from "node:assert/strict";
import { test } from "node:test";

import { tick } from "../../static/desk/clock.js";

const NOW = Date.now();

function shownAt(at) {
  const time = { dateTime: new Date(at).toISOString(), textContent: "", title: "" };
  globalThis.document = { querySelectorAll: (names) => (names === "time[data-clock]" ? [time] : []) };
  tick();
  return time;
}

test("another day's time is written as the server writes it, whatever the language", () => {
  const time = shownAt(new Date(2026, 8, 3, 14, 5, 9));
  assert.equal(time.textContent, "3 Sep 2026, 14:05");
  assert.equal(time.title, "3 Sep 2026, 14:05:09");
});

test("today's time goes without its day, by 24 hours", () => {
  const at = new Date(NOW);
  const two = (number) => String(number).padStart(2, "0");
  assert.equal(shownAt(at).textContent, `${two(at.getHours())}:${two(at.getMinutes())}`);
});
