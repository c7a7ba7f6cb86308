"""Sphinx settings; the reference pages are written from the catalogue and the public names when the build begins."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

project = "Subband"
author = "The Subband authors"
copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Subband"
default_role = "py:obj"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source"]
napoleon_use_rtype = False
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3


def setup(app: Sphinx) -> None:
    """Write the generated pages before anything is read, and read shapes such as ``(B, *space)`` as they stand."""
    import reference_pages

    def plain(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
        lines[:] = reference_pages.plain_stars(lines)

    app.connect("autodoc-process-docstring", plain, priority=600)
    app.connect("builder-inited", lambda _: reference_pages.write(HERE / "reference" / "_generated"))
