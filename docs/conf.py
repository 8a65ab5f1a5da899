"""The documents as a site: ``make site`` builds it, and a warning is an error."""

import re

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

import jobferry_client
import jobferry_server
from jobferry_shared import __version__

project = "Jobferry"
author = "the authors of Jobferry"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
# SQL and shell with "…" in them is what people read, not what a lexer knows.
suppress_warnings = ["misc.highlighting_failure"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "Jobferry"
pygments_dark_style = "github-dark"
html_favicon = "_static/ferry.svg"
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_logo": "ferry.svg",
    "dark_logo": "ferry.svg",
    "light_css_variables": {"color-brand-primary": "#0b6b8f", "color-brand-content": "#0b6b8f"},
    "dark_css_variables": {"color-brand-primary": "#6cc5e6", "color-brand-content": "#6cc5e6"},
}

#: The repository's own pages stand above this folder; the site has them under these names.
ABOVE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}


def _links(_: Sphinx, page: str, source: list[str]) -> None:
    """Links as the repository has them, made to lead to the pages of the site."""
    folder = "../" * page.count("/")
    for name, here in ABOVE.items():
        source[0] = re.sub(rf"\]\((\.\./)+{name}", f"]({folder}{here}", source[0])


def _included(_: Sphinx, _path: object, _page: str, source: list[str]) -> None:
    """The same in a page from above, whose links lead down into this folder."""
    source[0] = re.sub(r"\]\(docs/", "](", source[0])
    for name, here in ABOVE.items():
        source[0] = source[0].replace(f"]({name}", f"]({here}")


#: What keyboards and screen readers need to know, and neither Sphinx nor furo says: of which level the
#: captions of the navigation are, and that what scrolls can be reached.
SAID = (
    ("furo_navigation_tree", 'role="heading"', 'role="heading" aria-level="2"'),
    ("body", "<pre>", '<pre tabindex="0">'),
    ("body", '<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
)


#: A name so long that it must be broken, or the words beside it are: after its underscores.
LONG = re.compile(r'(?<=<span class="pre">)\w{31,}(?=</span>)')


def _say(_: Sphinx, _page: str, _template: str, context: dict[str, str], _tree: object) -> None:
    for part, old, new in SAID:
        context[part] = context.get(part, "").replace(old, new)
    context["body"] = LONG.sub(lambda name: name[0].replace("_", "_<wbr>"), context["body"])


for _package in (jobferry_client, jobferry_server):
    # autodoc shows what a package has; these load a name when somebody asks for it.
    vars(_package).update({_name: getattr(_package, _name) for _name in _package.__all__})


def setup(app: Sphinx) -> None:
    """What MyST and furo can't be told by a setting."""
    app.connect("source-read", _links)
    app.connect("include-read", _included)
    app.connect("html-page-context", _say, priority=900)  # after furo has made it
    app.add_lexer("crontab", TextLexer)
