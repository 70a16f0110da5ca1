/* How long to wait before the next try. */

const CAP_MS = 30000;
const BASE_MS = 1000;

/** Full jitter: anywhere up to a bound that doubles from 1 s to 30 s with each failed try. */
export function backoffDelay(attempt, random = Math.random) {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** attempt);
}
