/* The one place where the server's sanitised `html` becomes elements.

   The server has cleaned it already. Here it is parsed in an inert document and only known elements
   are copied over, without attributes except a link's checked address, so that a hole on one side
   stays closed by the other. Nothing is ever assigned to `innerHTML`. */

const ALLOWED = new Set(
  ("P BR HR STRONG B EM I DEL S CODE PRE UL OL LI BLOCKQUOTE H1 H2 H3 H4 H5 H6 A " +
    "TABLE THEAD TBODY TFOOT TR TH TD").split(" "),
);
const DROPPED = new Set("SCRIPT STYLE TEMPLATE IFRAME OBJECT EMBED SVG MATH NOSCRIPT TEXTAREA TITLE".split(" "));
// A heading inside a message would break the outline of the page around it.
const RENAMED = { H1: "h3", H2: "h3" };

/** Return the address if it is one a customer may be sent to, else an empty string. */
export function safeUrl(address) {
  if (typeof address !== "string" || !address.trim()) return "";
  try {
    const url = new URL(address, location.origin);
    return ["http:", "https:", "mailto:", "tel:"].includes(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

/** Make `link` open outside of the frame and leak nothing about it. */
export function openOutside(link, address) {
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}

/** Turn sanitised `html` into a fragment; `tableLabel` names a table that scrolls. */
export function toFragment(html, { tableLabel }) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const fragment = document.createDocumentFragment();
  copyChildren(parsed.body, fragment, tableLabel);
  return fragment;
}

function copyChildren(source, target, tableLabel) {
  for (const child of source.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) target.append(child.data);
    else if (child.nodeType === Node.ELEMENT_NODE) copyElement(child, target, tableLabel);
  }
}

function copyElement(source, target, tableLabel) {
  const name = source.tagName.toUpperCase();
  if (DROPPED.has(name)) return;
  if (!ALLOWED.has(name)) {
    copyChildren(source, target, tableLabel);
    return;
  }
  const copy = document.createElement(RENAMED[name] || name);
  copyAttributes(source, copy);
  copyChildren(source, copy, tableLabel);
  target.append(name === "TABLE" ? scrollable(copy, tableLabel) : copy);
}

function copyAttributes(source, copy) {
  if (copy.tagName === "A") {
    const address = safeUrl(source.getAttribute("href"));
    if (address) openOutside(copy, address);
  }
  if (copy.tagName === "OL" && source.start > 1) copy.start = source.start;
}

function scrollable(table, label) {
  const box = document.createElement("div");
  box.className = "scroll";
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", label);
  box.append(table);
  return box;
}
