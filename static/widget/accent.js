/* Turns one accent colour into the colours the sheet needs, each readable on its ground. */

const GROUNDS = { light: "#ffffff", dark: "#16181d" };
const MIN_CONTRAST = 4.5;

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function toHex(rgb) {
  return `#${rgb.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

/** WCAG 2 relative luminance of a `#rrggbb` colour. */
export function luminance(hex) {
  const [r, g, b] = channels(hex)
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2 contrast ratio of two colours, 1 to 21. */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function mix(hex, towards, share) {
  const end = channels(towards);
  return toHex(channels(hex).map((value, index) => value + (end[index] - value) * share));
}

/** White where it can be read on `accent`, else black; one of the two always can. */
export function textOn(accent) {
  return contrast(accent, "#ffffff") >= MIN_CONTRAST ? "#ffffff" : "#000000";
}

/** `accent`, moved towards black or white until it can be read as text on `ground`. */
export function readableOn(accent, ground) {
  const towards = luminance(ground) > 0.5 ? "#000000" : "#ffffff";
  for (let share = 0; share < 1; share += 0.05) {
    const colour = mix(accent, towards, share);
    // A little above the limit: the same text also stands on faintly tinted grounds.
    if (contrast(colour, ground) >= MIN_CONTRAST + 0.6) return colour;
  }
  return towards;
}

/** Set the sheet's colours for `accent`, and again when the colour scheme changes. */
export function applyAccent(accent) {
  if (!/^#[0-9a-f]{6}$/i.test(accent)) return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const { style } = document.documentElement;
    style.setProperty("--accent", accent);
    style.setProperty("--on-accent", textOn(accent));
    style.setProperty("--accent-text", readableOn(accent, GROUNDS[dark.matches ? "dark" : "light"]));
  };
  dark.addEventListener("change", paint);
  paint();
}
