/* The words of the interface: English here, other languages fetched when they are needed. */

const ENGLISH = {
  title: "Support chat",
  conversation: "Conversation",
  message: "Message",
  placeholder: "Write a message…",
  send: "Send",
  stop: "Stop answering",
  close: "Close chat",
  menu: "More options",
  talk: "Talk to a person",
  talkFirst: "Please write first what it is about.",
  talkWaiting: "You are already in the queue for a person.",
  talkAgent: "You are already talking to a person.",
  you: "You",
  assistant: "Assistant",
  agent: "Support",
  system: "Notice",
  ai: "AI",
  intro: "I’m an AI assistant. I answer from our help articles, and you can talk to a person at any time.",
  suggestions: "Suggested questions",
  whoAssistant: "AI assistant",
  whoWaiting: "Waiting for a person",
  whoAgent: "{name} is here for you",
  whoResolved: "Resolved",
  barAssistant: "Answers from our help articles",
  barWaiting: "We are finding someone for you",
  barPosition: "You are number {n} in the queue",
  barWait: "wait: {time}",
  barKept: "You are number {n} in the queue; the assistant helps meanwhile",
  barAgent: "You are talking to a person",
  barResolved: "Write again to reopen",
  minutes: "about {n} min",
  seconds: "less than a minute",
  sending: "Sending…",
  sent: "Sent",
  failed: "Not sent",
  retry: "Retry",
  notSent: "Your message could not be sent. It is back in the text box.",
  writing: "{name} is writing…",
  still: "Still working on it – you can also talk to a person",
  noAnswer: "No answer has come. Please ask again, or talk to a person.",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  forbidden: "This chat is not available on this page.",
  unavailable: "The chat could not be started. Please reload the page.",
  newMessages: "New messages",
  sources: "Sources ({n})",
  table: "Table",
  helpful: "Helpful",
  notHelpful: "Not helpful",
  feedbackThanks: "Thanks for telling us.",
  stopped: "Stopped",
  cardConfirm: "Confirm",
  cardCancel: "Cancel",
  cardUntil: "Please decide by {time}.",
  cardWorking: "Working on it…",
  cardDone: "Done",
  cardCancelled: "Cancelled. Nothing was changed.",
  cardExpired: "No longer open. Ask again if you still want this.",
  cardFailed: "Not done",
  cardUnknown: "Not known yet. A person is checking this.",
  ratingTitle: "How did we do?",
  ratingScore: "{n} of 5",
  ratingLow: "Poor",
  ratingHigh: "Great",
  ratingComment: "Anything to add? (optional)",
  ratingSend: "Send rating",
  ratingMissing: "Please choose a score first.",
  ratingThanks: "Thank you for your rating.",
  offlineTitle: "Nobody is online right now",
  askMeanwhile: "Ask the assistant meanwhile",
  placeKept: "Your place in the queue is kept.",
  email: "E-mail address",
  emailSave: "Save e-mail",
  emailSaved: "We will write to {email}.",
  emailSavedAny: "We will write to the address you left.",
  emailBad: "Please check the e-mail address.",
  endConversation: "End conversation",
  download: "Download transcript",
  newConversation: "New conversation",
  left: "Characters left: {n}",
  over: "Characters over the limit: {n}",
  disclaimer: "AI answers can be wrong.",
  privacy: "Privacy",
};

const LANGUAGES = {
  ar: () => import("./i18n_ar.js"),
  de: () => import("./i18n_de.js"),
  es: () => import("./i18n_es.js"),
  fr: () => import("./i18n_fr.js"),
};

let words = ENGLISH;

/** Fetch the words for `locale`; what a language lacks stays English. */
export async function loadLanguage(locale) {
  const language = LANGUAGES[locale.slice(0, 2).toLowerCase()];
  words = ENGLISH;
  if (!language) return;
  try {
    words = { ...ENGLISH, ...(await language()).default };
  } catch {
    words = ENGLISH;
  }
}

/** The text for `key`, its `{placeholders}` filled in. */
export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
