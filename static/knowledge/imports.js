/* The source's page: follows an import while one is under way. */

import { fetchFragments, part, swap } from "../desk/fragments.js";

const POLL_MS = 1500;

async function follow() {
  const shown = part(document, "runs");
  if (!shown?.hasAttribute("data-open")) return;
  // A hidden page asks for nothing; a failed look is made up by the next.
  if (!document.hidden) {
    await fetchFragments(shown.dataset.url).then((fresh) => swap(fresh, "runs"), () => undefined);
  }
  setTimeout(follow, POLL_MS);
}

setTimeout(follow, POLL_MS);
