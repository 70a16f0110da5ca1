import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.ResizeObserver = class { observe() {} };
globalThis.document = { addEventListener() {}, documentElement: {} };
const { Scroll } = await import("../../static/widget/scroll.js");

const LOG_HEIGHT = 400;

/** A log of `height` pixels; the item at `offset` moves with the scrolling, as in a browser. */
function open({ height }) {
  const listeners = {};
  const scroller = {
    scrollTop: 0, scrollHeight: height, clientHeight: LOG_HEIGHT,
    addEventListener: (type, listen) => { listeners[type] = listen; },
    getBoundingClientRect: () => ({ top: 100 }),
  };
  const itemAt = (offset) => ({
    isConnected: true, hidden: false,
    getBoundingClientRect: () => ({ top: 100 + offset - scroller.scrollTop }),
  });
  const button = { hidden: true, addEventListener() {} };
  const writing = { ...itemAt(0), hidden: true };
  const scroll = new Scroll({ scroller, button, writing });
  return { scroll, scroller, button, writing, itemAt, scrolled: () => listeners.scroll() };
}

test("a short answer is followed to the end", () => {
  const { scroll, scroller, itemAt } = open({ height: 1000 });
  scroll.announce(itemAt(900));
  assert.equal(scroller.scrollTop, 600);
});

test("of an answer taller than the log the beginning is shown", () => {
  const { scroll, scroller, itemAt } = open({ height: 2000 });
  scroll.announce(itemAt(900));
  assert.equal(scroller.scrollTop, 892);
});

test("an answer being written is followed until its beginning would leave", () => {
  const { scroll, scroller, writing, itemAt } = open({ height: 1000 });
  Object.assign(writing, itemAt(900));
  const seen = [1000, 1200, 1600, 2400].map((height) => {
    scroller.scrollHeight = height;
    scroll.follow();
    return scroller.scrollTop;
  });
  assert.deepEqual(seen, [600, 800, 892, 892]);
});

test("nothing moves under somebody who reads further up", () => {
  const { scroll, scroller, button, itemAt, scrolled } = open({ height: 2000 });
  scroller.scrollTop = 300;
  scrolled();
  scroll.announce(itemAt(1900));
  scroll.follow();
  assert.equal(scroller.scrollTop, 300);
  assert.equal(button.hidden, false);
});

test("one's own message is followed to its end", () => {
  const { scroll, scroller, itemAt } = open({ height: 2000 });
  scroll.announce(itemAt(900));
  scroll.toEnd();
  assert.equal(scroller.scrollTop, 1600);
});

/** A log whose view was put at the beginning of an answer that is taller than it. */
function openAtTallAnswer() {
  const opened = open({ height: 2000 });
  opened.scroll.announce(opened.itemAt(900));
  opened.scrolled();
  return opened;
}

test("what comes after an answer taller than the log is followed", () => {
  const { scroll, scroller, button, itemAt } = openAtTallAnswer();
  scroller.scrollHeight = 2100;
  scroll.follow();
  assert.equal(scroller.scrollTop, 892);
  scroll.announce(itemAt(2000));
  assert.equal(scroller.scrollTop, 1700);
  assert.equal(button.hidden, true);
  scroller.scrollHeight = 3000;
  scroll.announce(itemAt(2100));
  assert.equal(scroller.scrollTop, 2092);
});

test("nothing moves under somebody who scrolled on within an answer", () => {
  const { scroll, scroller, button, itemAt, scrolled } = openAtTallAnswer();
  scroller.scrollTop = 1100;
  scrolled();
  scroll.follow();
  scroll.announce(itemAt(2000));
  assert.equal(scroller.scrollTop, 1100);
  assert.equal(button.hidden, false);
});

test("a press shows the end of an answer taller than the log, and the view stays there", () => {
  const { scroll, scroller, button, itemAt, scrolled } = openAtTallAnswer();
  scroller.scrollTop = 0;
  scrolled();
  scroll.toEnd();
  scroll.follow();
  assert.equal(scroller.scrollTop, 1600);
  scroller.scrollHeight = 2100;
  scroll.announce(itemAt(2000));
  assert.equal(scroller.scrollTop, 1700);
  assert.equal(button.hidden, true);
});

test("nobody is taken back to the beginning of an answer read to its end", () => {
  const { scroll, scroller, writing, itemAt, scrolled } = open({ height: 2000 });
  Object.assign(writing, itemAt(900), { hidden: false });
  scroll.follow();
  assert.equal(scroller.scrollTop, 892);
  scroller.scrollTop = 1600;
  scrolled();
  scroller.scrollHeight = 2100;
  scroll.follow();
  assert.equal(scroller.scrollTop, 1700);
  scroll.announce(itemAt(900));
  writing.hidden = true;
  scroll.follow();
  assert.equal(scroller.scrollTop, 1700);
});

test("an answer written anew is followed to its beginning again", () => {
  const { scroll, scroller, writing, itemAt } = open({ height: 2000 });
  Object.assign(writing, itemAt(900), { hidden: false });
  scroll.toEnd();
  const seen = [1000, 2000].map((height) => {
    scroller.scrollHeight = height;
    scroll.follow();
    return scroller.scrollTop;
  });
  assert.deepEqual(seen, [600, 892]);
});
