/* Keeps a colour's text and its picker alike; only the text is sent. */

const HEX = /^#[0-9a-f]{6}$/i;

for (const picker of document.querySelectorAll("input[data-colour-of]")) {
  const text = document.getElementById(picker.dataset.colourOf);
  picker.addEventListener("input", () => {
    text.value = picker.value;
  });
  text.addEventListener("input", () => {
    if (HEX.test(text.value)) picker.value = text.value;
  });
}
