import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { contrast, readableOn, textOn } from "../../static/widget/accent.js";

const ACCENTS = ["#0f766e", "#1d4ed8", "#facc15", "#ffffff", "#000000", "#777777", "#ff00ff", "#16a34a"];
const folder = new URL("../../static/widget/", import.meta.url);

test("any accent carries readable text and is readable as text", () => {
  for (const accent of ACCENTS) {
    assert.ok(contrast(textOn(accent), accent) >= 4.5, accent);
    assert.ok(contrast(readableOn(accent, "#ffffff"), "#ffffff") >= 4.5, accent);
    assert.ok(contrast(readableOn(accent, "#16181d"), "#16181d") >= 4.5, accent);
  }
});

test("contrast agrees with WCAG's ends", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#123456", "#123456"), 1);
});

const english = readFileSync(new URL("i18n.js", folder), "utf8").split("};")[0];
const entries = (source) => new Map(Array.from(source.matchAll(/^ {2}(\w+): "(.*)",$/gm), ([, key, text]) => [key, text]));
const placeholders = (text) => Array.from(text.matchAll(/\{\w+\}/g), String).sort();

for (const language of ["ar", "de", "es", "fr"]) {
  test(`every text exists in ${language} with the same placeholders`, async () => {
    const { default: words } = await import(new URL(`i18n_${language}.js`, folder));
    const expected = entries(english);
    assert.ok(expected.size > 60);
    assert.deepEqual(Object.keys(words).sort(), Array.from(expected.keys()).sort());
    for (const [key, text] of expected) assert.deepEqual(placeholders(words[key]), placeholders(text), key);
  });
}
