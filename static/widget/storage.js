/* Browser storage that never throws: blocked or full storage costs only the memory of a reload. */

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

/** Kept over visits: the conversation's token. */
export const lasting = guarded("localStorage");

/** Kept over a reload of this tab: drafts and unsent messages. */
export const passing = guarded("sessionStorage");
