/* Asks the assistant beside the form, so that the unsaved text stays where it is. */

import { postFragments, swap } from "../desk/fragments.js";

const form = document.getElementById("try-form");
const state = document.getElementById("try-state");
const box = document.getElementById("try-question");
let isAsking = false;

async function ask() {
  if (isAsking || !form.reportValidity()) return;
  isAsking = true;
  state.textContent = "Asking\u2026";
  try {
    const fresh = await postFragments(form.action, new FormData(form));
    swap(fresh, "trial");
    state.textContent = "Done; the answer is below.";
  } catch {
    state.textContent = "That did not work. You may have been logged out.";
  }
  isAsking = false;
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  });
}
