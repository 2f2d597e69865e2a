export type Theme = "auto" | "light" | "dark";
const STORED = "sm-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function theme(): Theme {
  const said = localStorage.getItem(STORED);
  return said === "light" || said === "dark" ? said : "auto";
}

function apply() {
  const chosen = theme();
  document.documentElement.dataset["theme"] = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
  window.dispatchEvent(new Event("sm-theme")); // pictures are drawn with colours of their own
}
export function followTheme() {
  apply();
  system.addEventListener("change", apply);
}
export function chooseTheme(next: Theme) {
  localStorage.setItem(STORED, next);
  apply();
}
