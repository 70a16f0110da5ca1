/* The one place that puts HTML into the page: fragments that our own server rendered and escaped.

   A fragment is parsed in an inert document and its parts are moved over, by `data-fragment`. */

import { setServerTime } from "./clock.js";

const PATIENCE_MS = 10000;
const inserted = new Map();

/** Return the part called `name` of a document. */
export function part(root, name) {
  return root.querySelector(`[data-fragment="${name}"]`);
}

/** Empty the running times, which the clock fills in: what is left differs only by real changes. */
export function withoutTimes(root) {
  for (const time of root.querySelectorAll("time[data-since]")) time.textContent = "";
  return root;
}

/** Fetch `url` and parse it; a page that is not the agent's any more is loaded anew. */
export async function fetchFragments(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (response.redirected || response.status === 403 || response.status === 404) location.reload();
  if (!response.ok || response.redirected) throw new Error(`fragment: ${response.status}`);
  setServerTime(response.headers.get("Date"));
  return withoutTimes(new DOMParser().parseFromString(await response.text(), "text/html"));
}

/** Post `body` and parse the answer; the page stays whatever comes, as its forms may hold words. */
export async function postFragments(url, body, signal) {
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: { "X-Requested-With": "fetch" },
    signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])]),
  });
  if (!response.ok || response.redirected) throw new Error(`fragment: ${response.status}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Put the fresh part `name` in the place of the shown one, if it differs; keep the focus. */
export function swap(fresh, name) {
  const next = part(fresh, name);
  const old = part(document, name);
  if (!next || !old || inserted.get(name) === next.outerHTML) return;
  inserted.set(name, next.outerHTML);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(next);
  if (focused) findTwin(next, focused).focus();
}

function findTwin(root, lost) {
  const candidates = [...root.querySelectorAll("a, button")];
  const twin = candidates.find((one) => keyOf(one) === keyOf(lost));
  return twin || root.querySelector("[tabindex]") || root;
}

function keyOf(element) {
  return element.id || element.getAttribute("href") || element.getAttribute("formaction");
}
