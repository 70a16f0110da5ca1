import assert from "node:assert/strict";
import { test } from "node:test";

import { applyDelta, endPreview, resumePreview } from "../../static/widget/preview.js";

const delta = (offset, text, attempt = 1) => ({ message: "m", attempt, offset, text });
const written = (...frames) => frames.reduce(applyDelta, null);

test("offsets count code points, not UTF-16 units", () => {
  assert.equal(written(delta(0, "a😀"), delta(2, "b")).text, "a😀b");
});

test("an overlapping delta adds only what is new", () => {
  assert.equal(written(delta(0, "a😀b"), delta(1, "😀bc")).text, "a😀bc");
  assert.equal(written(delta(0, "abc"), delta(0, "ab")).text, "abc");
});

test("a gap freezes the text until the message comes", () => {
  const preview = written(delta(0, "ab"), delta(3, "d"), delta(2, "c"));
  assert.equal(preview.text, "ab");
  assert.ok(preview.broken);
});

test("a new attempt clears, an old one is ignored", () => {
  assert.equal(written(delta(0, "old"), delta(0, "new", 2)).text, "new");
  assert.equal(written(delta(0, "new", 2), delta(3, "old", 1)).text, "new");
});

test("after a retry late deltas of the old attempt don't show", () => {
  const preview = endPreview(written(delta(0, "old")), { message: "m", attempt: 1, reason: "retry" });
  assert.equal(applyDelta(preview, delta(0, "old")).text, "");
  assert.equal(applyDelta(preview, delta(0, "new", 2)).text, "new");
});

test("the end keeps what a message will replace and drops the rest", () => {
  const preview = written(delta(0, "text"));
  const ended = (reason) => endPreview(preview, { message: "m", attempt: 1, reason });
  assert.equal(ended("final").text, "text");
  assert.ok(ended("stopped").ending);
  assert.equal(ended("withdrawn"), null);
  assert.equal(ended("taken_over"), null);
  assert.equal(endPreview(preview, { message: "other", reason: "withdrawn" }), preview);
});

test("a preview that was cleared by a retry still ends", () => {
  const retried = endPreview(written(delta(0, "old")), { message: "m", attempt: 1, reason: "retry" });
  assert.equal(endPreview(retried, { message: "m", attempt: 1, reason: "withdrawn" }), null);
});

test("a welcome brings the running text, and deltas go on behind it", () => {
  const preview = resumePreview({ message: "m", text: "a😀", attempt: 10 });
  assert.equal(applyDelta(preview, delta(2, "!", 10)).text, "a😀!");
  assert.equal(resumePreview(undefined), null);
});
