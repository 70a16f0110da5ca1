/* Tells the chat who is signed in, as the shop's server says; or that nobody is any more. */

const { text } = document.getElementById("customer");
const customer = JSON.parse(text);
const tell = () => window.supportbot.identify(customer);

if (customer || document.body.dataset.signedOut) {
  if (window.supportbot) tell();
  else addEventListener("supportbot:ready", tell, { once: true });
}
// A reload is no second sign-out: the guest's own conversation stays.
if (document.body.dataset.signedOut) history.replaceState(null, "", "/");
