"""How Sphinx makes the site: `sphinx-build -W -n -b html docs build/docs`."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from runproxy import __version__

project = "runproxy"
author = "The authors of runproxy"
copyright = "The authors of runproxy, MIT licence"  # noqa: A001 - the name that Sphinx asks for
version = release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["generate", "**/__pycache__"]
nitpicky = True
myst_heading_anchors = 4  # links lead to headings, as on a forge
myst_enable_extensions = ["colon_fence"]

smartquotes = False  # what is shown can be typed

html_theme = "furo"
html_title = "runproxy"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_use_index = False  # there is nothing in it
html_last_updated_fmt = None  # the same text makes the same site
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style = "tango"
pygments_dark_style = "github-dark"


def setup(app: Sphinx) -> None:
    """Know the languages of blocks that Pygments has no colours for."""
    app.add_lexer("promql", TextLexer)
