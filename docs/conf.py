"""How the documentation is built: ``sphinx-build -n -W --keep-going docs OUT``."""

import torkivity

project = "torkivity"
author = "torkivity developers"
version = release = torkivity.__version__

extensions = [
    "myst_parser",  # pages are Markdown, and read well without being built
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",  # for its role autolink
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_click",
]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"torkivity {release}"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Docstrings state types, shapes and units in words; annotations would say less, twice.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
default_role = "autolink"
