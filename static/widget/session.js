/* Opens or resumes the conversation over HTTP; keeps its token for the next visit. */

import { lasting } from "../shared/storage.js";

/** A refusal by the server; `fatal` ones are not worth trying again. */
export class SessionError extends Error {
  constructor(code, { fatal, retryAfter = 0 }) {
    super(code);
    this.code = code;
    this.fatal = fatal;
    this.retryAfter = retryAfter;
  }
}

export class Session {
  #key;
  #details;
  #request;

  constructor({ site, locale, request = (...args) => fetch(...args) }) {
    this.#key = `supportbot:token:${site}`;
    this.#details = { site, locale };
    this.#request = request;
    this.current = null;
  }

  /** Add what the host page told us: `page_url`, `customer`. */
  describe(details) {
    Object.assign(this.#details, details);
  }

  /** Forget the conversation; the next opening starts another one. */
  forget() {
    lasting.remove(this.#key);
    this.current = null;
  }

  /** Resume the stored conversation, or start one where there is none or it is refused. */
  async open() {
    const token = lasting.get(this.#key);
    let response = await this.#post(token);
    if (token && [401, 403, 404, 410].includes(response.status)) {
      this.forget();
      response = await this.#post(null);
    }
    if (!response.ok) throw await refusal(response);
    this.current = await response.json();
    lasting.set(this.#key, this.current.token);
    return this.current;
  }

  #post(token) {
    return this.#request("/api/v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "omit",
      body: JSON.stringify({ ...this.#details, ...(token ? { token } : {}) }),
    });
  }
}

async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const fatal = response.status >= 400 && response.status < 500 && ![408, 425, 429].includes(response.status);
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  return new SessionError(problem.code || "unavailable", { fatal, retryAfter });
}
