"""Sphinx: how the site looks and what is an error. build.py makes the source and calls it."""
import os
import pathlib
import re
import shutil

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

HERE = pathlib.Path(__file__).resolve().parent
MERMAID = HERE / "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"

project = "Sovereign Mesh"
root_doc = "docs/README"
extensions = ["myst_parser", "sphinx_copybutton"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
# A changelog's headings begin where they like; examples of JSON have "..." in them.
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

html_theme = "furo"
html_title = "Sovereign Mesh"
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_extra_path = [str(HERE / "root")]  # index.html, which leads to the front page
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_favicon = str(HERE.parents[1] / "console/src/icon.svg")
html_theme_options = {"footer_icons": [], "top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_exclude = ".linenos, .gp, .go"


class Mermaid(SphinxDirective):
    """A diagram, drawn by the reader's browser; without scripts its source can be read."""

    has_content = True

    def run(self):
        text = nodes.Text("\n".join(self.content)).astext()
        for plain, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(plain, safe)
        self.env.metadata[self.env.docname]["diagrams"] = True
        return [nodes.raw("", f'<pre class="mermaid" tabindex="0">{text}</pre>', format="html")]


def finish_page(app, pagename, templatename, context, doctree):
    """The 3 MB that draw diagrams go only where there is one. What scrolls can be reached by keyboard."""
    if (context.get("meta") or {}).get("diagrams"):
        app.add_js_file("mermaid.tiny.js", defer="defer", priority=400)
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
    if "body" in context:
        body = re.sub(r'<div class="table-wrapper([^"]*)">',
                      r'<div class="table-wrapper\1" tabindex="0" role="group" aria-label="Table">',
                      context["body"])
        context["body"] = body.replace('<div class="highlight"><pre>',
                                       '<div class="highlight"><pre tabindex="0">')


def copy_mermaid(app, error):
    if error is None and app.builder.format == "html":
        shutil.copyfile(MERMAID, os.path.join(app.outdir, "_static/mermaid.tiny.js"))


def setup(app):
    if not MERMAID.is_file():
        raise SystemExit("docs: the program that draws diagrams is not here: run scripts/setup --docs")
    app.add_directive("mermaid", Mermaid)
    app.connect("html-page-context", finish_page, priority=900)  # after the theme
    app.connect("build-finished", copy_mermaid)
    return {"parallel_read_safe": True}
