/* Waits for a trial of a prompt and shows it by loading the page again. */

const LOOK_MS = 1500;
const { url } = document.getElementById("wait").dataset;

async function look() {
  const run = await fetch(url)
    .then((response) => response.json())
    .catch(() => ({}));
  // Only an end is news; what can't be read now is asked for again.
  if (["done", "failed"].includes(run.state)) location.reload();
  else setTimeout(look, LOOK_MS);
}

look();
