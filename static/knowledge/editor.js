/* Shows the passages of the text as it is typed; the button does the same without a script. */

import { postFragments, swap } from "../desk/fragments.js";

const CALM_MS = 500;
const button = document.getElementById("preview-button");
const state = document.getElementById("preview-state");
let asked;
let timer;

/** Fetch the passages of what the form holds now; an older question's answer counts no more. */
async function show() {
  clearTimeout(timer);
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  try {
    const fresh = await postFragments(button.formAction, new FormData(button.form), signal);
    swap(fresh, "passages");
    state.textContent = "";
  } catch {
    if (!signal.aborted) state.textContent = "The preview could not be fetched; it may be out of date.";
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(show, CALM_MS);
}

if (button) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    show();
  });
  for (const name of ["title", "body"]) button.form.elements[name]?.addEventListener("input", soon);
}
