/* Times and waits, as people read them. */

import { t } from "./i18n.js";

/** The clock time of a message, with its day when that is not today. */
export function formatTime(iso, locale, now = new Date()) {
  const date = new Date(iso);
  const day = date.toDateString() === now.toDateString() ? {} : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", ...day }).format(date);
}

/** A wait in seconds, rounded up to whole minutes. */
export function formatWait(seconds) {
  return seconds < 60 ? t("seconds") : t("minutes", { n: Math.ceil(seconds / 60) });
}

/** The locale if this browser knows it, else its own. */
export function usableLocale(locale) {
  try {
    return Intl.getCanonicalLocales(locale)[0];
  } catch {
    return undefined;
  }
}
