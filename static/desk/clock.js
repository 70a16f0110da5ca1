/* Times in the agent's own zone, and waits that tick; corrected by the server's clock. */

let ahead = 0;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

/** Take the `Date` header of an answer as the right time. */
export function setServerTime(header) {
  const at = Date.parse(header ?? "");
  // The header has whole seconds: smaller differences are none.
  if (!Number.isNaN(at)) ahead = Math.abs(at - Date.now()) < 2000 ? 0 : at - Date.now();
}

/** Say a wait: 0:07, 12:30, 2 h 05 min, 3 d 4 h. */
export function elapsed(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes}:${String(total % 60).padStart(2, "0")}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Bring all times of the page up to date. */
export function tick() {
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll("time[data-since]")) {
    setText(time, elapsed((now - Date.parse(time.dateTime)) / 1000));
  }
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const at = new Date(time.dateTime);
    const isToday = at.toDateString() === new Date(now).toDateString();
    setText(time, (isToday ? clock : day).format(at));
    time.title = at.toLocaleString();
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Tick from now on. */
export function startClock() {
  tick();
  setInterval(tick, 1000);
}
