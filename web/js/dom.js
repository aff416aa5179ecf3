// Making and changing elements. Texts are always text, never HTML: symbols come from elsewhere.

// An element: `make("a", { href: "#", class: "x" }, "text", child)`.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((each) => each !== null));
  return element;
}

export const byId = (id) => document.getElementById(id);

// Change only what differs: a browser lays out again what was written, even if it was the same.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === "") {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// The children of `parent`, one for each of `items`: kept where they are, so that focus stays.
// `create` makes a child, `update(child, item)` fills it.
export function fill(parent, items, create, update) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  items.forEach((item, at) => {
    const child = parent.children[at] ?? parent.appendChild(create());
    update(child, item);
  });
}

export function stored(name, fallback) {
  try {
    return localStorage.getItem(name) ?? fallback;
  } catch {
    return fallback; // a browser may refuse to store
  }
}

export function store(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It is forgotten when the page is closed.
  }
}
