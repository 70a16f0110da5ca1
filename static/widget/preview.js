/* The answer being written, as pure state. Offsets count Unicode code points, not UTF-16 units. */

function start(message, attempt) {
  return { message, attempt, text: "", length: 0, broken: false, ending: false };
}

/** Return the preview after one `delta` frame. A gap freezes it until the final message. */
export function applyDelta(preview, { message, attempt = 1, offset, text }) {
  let current = preview;
  if (!current || current.message !== message || attempt > current.attempt) current = start(message, attempt);
  if (attempt < current.attempt || current.broken || current.ending) return current;
  if (offset > current.length) return { ...current, broken: true };
  const points = Array.from(text);
  const fresh = points.slice(current.length - offset);
  return { ...current, text: current.text + fresh.join(""), length: current.length + fresh.length };
}

/** Return the preview after `delta_end`: cleared, or kept until its message replaces it. */
export function endPreview(preview, { message, attempt = 1, reason }) {
  if (!preview || preview.message !== message) return preview;
  if (reason === "retry" && attempt < preview.attempt) return preview;
  if (reason === "final" || reason === "stopped") return { ...preview, ending: true };
  // After a retry the same message starts again; a late delta of the old attempt must not show.
  return reason === "retry" ? start(message, attempt + 1) : null;
}

/** Return the preview that a `welcome` frame describes, if an answer is under way. */
export function resumePreview(streaming) {
  if (!streaming) return null;
  const { message, text = "", attempt = 1, offset = 0 } = streaming;
  if (offset) return { ...start(message, attempt), broken: true };
  return { ...start(message, attempt), text, length: Array.from(text).length };
}
