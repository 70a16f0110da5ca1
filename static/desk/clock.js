/* Times in the agent's own zone, and waits that tick; corrected by the server's clock. */

let ahead = 0;
const month = new Intl.DateTimeFormat("en-US", { month: "short" });
const two = (number) => String(number).padStart(2, "0");
const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;

/** Take the `Date` header of an answer as the right time. */
export function setServerTime(header) {
  const at = Date.parse(header ?? "");
  // The header has whole seconds: smaller differences are none.
  if (!Number.isNaN(at)) ahead = Math.abs(at - Date.now()) < 2000 ? 0 : at - Date.now();
}

/** Write a time as the server does (`supportbot/formats`), whatever the browser's language is. */
export function moment(at) {
  return `${at.getDate()} ${month.format(at)} ${at.getFullYear()}, ${clock(at)}`;
}

/** Say a wait: 0:07, 12:30, 2 h 05 min, 3 d 4 h. */
export function elapsed(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes}:${two(total % 60)}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${two(minutes % 60)} min`;
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
    setText(time, (isToday ? clock : moment)(at));
    time.title = `${moment(at)}:${two(at.getSeconds())}`;
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
