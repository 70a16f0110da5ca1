/* Single-key shortcuts, which an agent can switch off. */

import { makeSwitch } from "./switches.js";

/** Bind keys to acts; they rest while somebody writes or presses a modifier. */
export function bindKeys(acts) {
  const shortcuts = makeSwitch(document.getElementById("shortcuts"), {
    key: "desk.shortcuts",
    initial: true,
  });
  document.addEventListener("keydown", (event) => {
    const act = acts[event.key];
    if (!act || !shortcuts.isOn() || isTaken(event)) return;
    event.preventDefault();
    act();
  });
}

function isTaken(event) {
  const isWriting = event.target.closest("input, textarea, select, [contenteditable]");
  return Boolean(isWriting) || event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
}
