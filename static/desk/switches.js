/* Switches that an agent sets once: remembered in this browser. */

import { lasting } from "../shared/storage.js";

/** Make `button` a switch under `key`; `onChange` is called with its state at each click. */
export function makeSwitch(button, { key, initial, onChange }) {
  let isOn = lasting.get(key) ?? initial;
  const draw = () => button.setAttribute("aria-checked", String(isOn));
  button.addEventListener("click", () => {
    isOn = !isOn;
    lasting.set(key, isOn);
    draw();
    onChange?.(isOn);
  });
  draw();
  return { isOn: () => isOn };
}
