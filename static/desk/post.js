/* Posts a form's action in the background and returns what the agent is to read. */

const LOST = "The server can't be reached. Nothing was changed; please try again.";
const PATIENCE_MS = 15000;

/** Return `{ok, detail, next_client_id}`; never throws. */
export async function post(url, form) {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.redirected) return { ok: false, detail: "You were logged out. Please log in again." };
    return { ok: response.ok, ...(await response.json()) };
  } catch {
    return { ok: false, detail: LOST };
  }
}
