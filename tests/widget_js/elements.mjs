/* As much of a document as the widget's small builders use. */

class FakeElement {
  attributes = {};
  listeners = {};
  childNodes = [];
  dataset = {};
  hidden = false;

  constructor(tag) {
    this.tag = tag;
  }

  setAttribute(name, value) {
    this.attributes[name] = String(value);
  }

  toggleAttribute(name, on) {
    if (on) this.attributes[name] = "";
    else delete this.attributes[name];
  }

  hasAttribute(name) {
    return name in this.attributes;
  }

  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }

  append(...children) {
    this.childNodes.push(...children);
  }

  replaceChildren(...children) {
    this.childNodes = children;
  }

  contains(node) {
    return this === node || this.childNodes.some((child) => child.contains?.(node));
  }

  focus() {
    globalThis.document.activeElement = this;
  }

  click() {
    this.focus();
    this.listeners.click();
  }

  set textContent(text) {
    this.childNodes = [text];
  }

  get textContent() {
    return this.childNodes.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }

  /** All elements of a tag below this one. */
  all(tag) {
    return this.below().filter((node) => node.tag === tag);
  }

  /** The first element below this one that a tag or a class names. */
  querySelector(name) {
    return this.below().find(({ tag, attributes }) => [tag, `.${attributes.class}`].includes(name)) || null;
  }

  below() {
    const inner = this.childNodes.filter((child) => child instanceof FakeElement);
    return inner.flatMap((child) => [child, ...child.below()]);
  }
}

/** A fresh `document`; returns it. */
export function openDocument() {
  const make = (tag) => new FakeElement(tag);
  globalThis.document = { activeElement: null, createElement: make, createElementNS: (space, tag) => make(tag) };
  return globalThis.document;
}
