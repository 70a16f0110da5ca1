/* Browser storage that never throws: blocked or full storage costs a memory, no more. */

function guarded(area) {
  return {
    get(key) {
      try {
        return JSON.parse(window[area].getItem(key));
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        window[area].setItem(key, JSON.stringify(value));
      } catch {
        return;
      }
    },
    remove(key) {
      try {
        window[area].removeItem(key);
      } catch {
        return;
      }
    },
  };
}

/** Kept over visits: a conversation's token, an agent's switches. */
export const lasting = guarded("localStorage");

/** Kept over the pages of this tab: drafts, unsent messages, which rows were announced. */
export const passing = guarded("sessionStorage");
