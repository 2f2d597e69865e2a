// Draws diagrams in the colours of the page, again when the reader changes them.
const diagrams = [...document.querySelectorAll("pre.mermaid")];
if (diagrams.length > 0) {
  const sources = diagrams.map((each) => each.textContent);
  const night = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => document.body.dataset.theme === "dark" || (document.body.dataset.theme !== "light" && night.matches);
  let shown;
  const draw = async () => {
    const dark = isDark();
    if (dark === shown) return;
    shown = dark;
    mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
    for (const [index, each] of diagrams.entries()) {
      const { svg } = await mermaid.render(`diagram-${index}-${dark ? "dark" : "light"}`, sources[index]);
      each.innerHTML = svg;
    }
  };
  new MutationObserver(draw).observe(document.body, { attributeFilter: ["data-theme"] });
  night.addEventListener("change", draw);
  draw();
}
