export type Theme = "auto" | "light" | "dark";
const STORED = "sm-theme";

export function theme(): Theme {
  const said = localStorage.getItem(STORED);
  return said === "light" || said === "dark" ? said : "auto";
}
export function applyTheme() {
  const chosen = theme();
  if (chosen === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
}
export function chooseTheme(next: Theme) {
  localStorage.setItem(STORED, next);
  applyTheme();
  window.dispatchEvent(new Event("sm-theme")); // pictures are drawn with colours of their own
}
