// The colours: those of the system, or the ones chosen here. It runs before the page is drawn.

const KEY = "funding.theme";
const root = document.documentElement;

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const chosen = stored();
if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem(KEY, root.dataset.theme);
    } catch {
      // It is forgotten when the page is closed.
    }
    show();
    dispatchEvent(new Event("themechange"));
  });
  system.addEventListener("change", () => {
    show();
    dispatchEvent(new Event("themechange"));
  });
  show();
});
