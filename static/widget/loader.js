/* The embed script: draws the launcher, and the panel with our frame on the first click. */
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || (window.supportbot && window.supportbot.toggle)) return;
  const { site = "", position, accent, locale } = script.dataset;
  const server = new URL(script.src).origin;
  const page = document.documentElement;
  const language = locale || page.lang || "en";
  const TEXTS = {
    en: ["Open support chat", "Close support chat", "Support chat", "unread messages"],
    de: ["Support-Chat öffnen", "Support-Chat schließen", "Support-Chat", "ungelesene Nachrichten"],
    fr: ["Ouvrir le chat d’assistance", "Fermer le chat d’assistance", "Chat d’assistance", "messages non lus"],
    es: ["Abrir el chat de ayuda", "Cerrar el chat de ayuda", "Chat de ayuda", "mensajes sin leer"],
    ar: ["فتح محادثة الدعم", "إغلاق محادثة الدعم", "محادثة الدعم", "رسائل غير مقروءة"],
  };
  const [openName, closeName, title, unreadText] = TEXTS[language.slice(0, 2).toLowerCase()] || TEXTS.en;
  const CSS = `
:host{all:initial!important;position:fixed!important;z-index:2147483000!important;--a:#1d4ed8;--t:#fff}
[hidden]{display:none!important}
.l{all:unset;position:fixed;inset-block-end:calc(20px + env(safe-area-inset-bottom));inset-inline-end:20px;width:60px;height:60px;border-radius:50%;background:var(--a);color:var(--t);cursor:pointer;box-shadow:0 1px 3px #0003,0 8px 24px #0003;transition:transform .15s}
.l:hover{transform:scale(1.05)}.l:focus-visible{outline:3px solid var(--a);outline-offset:3px;box-shadow:0 0 0 3px #fff}svg{display:block;margin:16px;width:28px;height:28px;fill:none;stroke:currentColor;stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
.b{position:fixed;inset-block-end:calc(62px + env(safe-area-inset-bottom));inset-inline-end:16px;min-width:10px;pointer-events:none;padding:0 6px;border-radius:11px;background:#b91c1c;color:#fff;font:600 13px/22px system-ui,sans-serif;text-align:center}
.v{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}.p{position:fixed;inset-block-end:calc(96px + env(safe-area-inset-bottom));inset-inline-end:20px;
width:min(408px,100vw - 40px);height:min(704px,100vh - 116px);border-radius:20px;overflow:hidden;background:Canvas;box-shadow:0 0 0 1px #0000000f,0 12px 48px #00000038;transition:opacity .16s,transform .16s}
.s>*{inset-inline:20px auto}.s>.b{inset-inline-start:62px}.c{opacity:0;visibility:hidden;transform:translateY(12px);transition:opacity .16s,transform .16s,visibility .16s}iframe{display:block;border:0;width:100%;height:100%}.p,iframe{color-scheme:light dark}
@media(max-width:480px){.p,.s .p{inset:0;width:100%;height:100%;border-radius:0}.o .l{display:none}}@media(forced-colors:active){.l,.p{border:2px solid}}@media(prefers-reduced-motion){*{transition:none!important}}@media print{.l,.p{display:none}}`;
  const ICONS = ["M12 4c-5 0-9 3-9 7.5 0 2.3 1.2 4.3 3 5.5l-.5 4 4-2c.8.2 1.6.3 2.5.3 5 0 9-3.3 9-7.8S17 4 12 4zM8 11.5h0M12 11.5h0M16 11.5h0", "m6 9.5 6 6 6-6"];
  const phone = matchMedia("(max-width:480px)");
  const view = window.visualViewport || new EventTarget();
  let frame, ready, customer, overflow, locked = false, isOpen = false;

  const make = (tag, attributes = {}, children = [], space = page.namespaceURI) => {
    const node = document.createElementNS(space, tag);
    for (const name in attributes) node.setAttribute(name, attributes[name]);
    node.append(...children);
    return node;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const path = make("path", {}, [], SVG);
  const icon = make("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, [path], SVG);
  const badge = make("span", { class: "b", "aria-hidden": true });
  const unread = make("span", { class: "v", id: "u", role: "status" });
  const launcher = make("button", { class: "l", type: "button", "aria-controls": "p", "aria-describedby": "u" }, [icon]);
  const panel = make("div", { class: "p", id: "p", role: "dialog", "aria-label": title });
  const wrap = make("div", { class: position === "left" ? "s" : "" }, [panel, launcher, badge, unread]);
  const root = make("div");
  const shadow = root.attachShadow({ mode: "open" });

  // A blocked sessionStorage costs only the reopening after a reload.
  const stored = (method, ...values) => { try { return sessionStorage[method](`supportbot:${site}`, ...values); } catch { return null; } };
  const emit = (type, detail) => dispatchEvent(new CustomEvent(`supportbot:${type}`, { detail }));
  const post = (type, extra) => ready && frame.contentWindow.postMessage({ supportbot: 1, type, ...extra }, server);
  // The query and the fragment may hold secrets of the page (reset links): they stay here.
  const postPage = () => post("page", { url: location.origin + location.pathname });

  function paint(colour) {
    if (!/^#[0-9a-f]{6}$/i.test(colour)) return;
    const [r, g, b] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
    root.style.setProperty("--a", colour);
    root.style.setProperty("--t", 0.21 * r + 0.72 * g + 0.07 * b > 0.18 ? "#000" : "#fff");
  }

  function setUnread(count) {
    badge.hidden = !count;
    badge.textContent = count > 9 ? "9+" : count;
    unread.textContent = count ? `${count} ${unreadText}` : "";
    emit("unread", count);
  }

  function addFrame() {
    const query = new URLSearchParams({ site, origin: location.origin, locale: language });
    frame = make("iframe", { title, src: `${server}/widget/frame/?${query}` });
    const guards = [0, 1].map(() => make("span", { class: "v", tabindex: 0 }));
    guards.forEach((guard) => guard.addEventListener("focus", () => { frame.focus(); post("open", { focus: true }); }));
    panel.append(guards[0], frame, guards[1]);
  }

  /* On a phone the panel is the screen: modal, its guards keep the focus, and it follows the keyboard. */
  function fit() {
    const modal = isOpen && phone.matches;
    panel.ariaModal = modal ? "true" : null;
    panel.querySelectorAll("span").forEach((node) => { node.hidden = !modal; });
    panel.style.height = modal && view.height ? `${view.height}px` : "";
    panel.style.top = modal && view.height ? `${view.offsetTop}px` : "";
    if (modal !== locked) [page.style.overflow, overflow] = [modal ? "hidden" : overflow, page.style.overflow];
    locked = modal;
  }

  function show(value, focus) {
    if (value && !frame) addFrame();
    const changed = value !== isOpen;
    isOpen = value;
    panel.classList.toggle("c", !value);
    wrap.classList.toggle("o", value);
    launcher.setAttribute("aria-expanded", value);
    launcher.setAttribute("aria-label", value ? closeName : openName);
    path.setAttribute("d", ICONS[+value]);
    fit();
    if (!changed) return;
    stored("setItem", value ? "1" : "0");
    postPage();
    post(value ? "open" : "closed", { focus });
    if (focus) (value ? frame : launcher).focus();
    emit(value ? "open" : "close");
  }

  function receive({ data, origin, source }) {
    if (!frame || source !== frame.contentWindow || origin !== server || !data || data.supportbot !== 1) return;
    if (data.type === "ready") {
      ready = true;
      if (!accent) paint(data.accent);
      postPage();
      if (customer !== undefined) post("identify", { customer });
      post(isOpen ? "open" : "closed", { focus: shadow.activeElement === frame });
    }
    if (data.type === "unread") setUnread(data.count);
    if (data.type === "close" || data.type === "escape") show(false, true);
  }

  // The site's colour, when the page has nothing better to do; without it the launcher stays blue.
  const look = () => fetch(`${server}/widget/look/${site}`).then((answer) => answer.json()).then((found) => paint(found.accent), () => {});

  function start() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
    wrap.dir = getComputedStyle(page).direction;
    shadow.append(wrap);
    paint(accent);
    if (!accent) (window.requestIdleCallback || setTimeout)(look);
    setUnread(0);
    show(stored("getItem") === "1");
    document.body.append(root);
  }

  launcher.onclick = () => show(!isOpen, true);
  shadow.addEventListener("keydown", (event) => event.key === "Escape" && isOpen && show(false, true));
  addEventListener("message", receive);
  phone.onchange = fit;
  ["resize", "scroll"].forEach((type) => view.addEventListener(type, fit));
  window.supportbot = {
    open: () => show(true, true),
    close: () => show(false, true),
    toggle: () => show(!isOpen, true),
    identify: (value) => { customer = value; post("identify", { customer }); },
  };
  document.body ? start() : addEventListener("DOMContentLoaded", start);
  emit("ready");
})();
