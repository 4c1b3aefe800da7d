"""How the documentation is built: ``sphinx-build -n -W --keep-going docs OUT``.

What is built needs no network: formulas are drawings in the pages, scripts, styles and examples
stand beside them, and search and links work where a browser opens the folder.
"""

import sys
from pathlib import Path

import torkivity

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "torkivity"
author = "torkivity developers"
copyright = "2026, torkivity developers"
version = release = torkivity.__version__

extensions = [
    "myst_parser",  # pages are Markdown, and read well without being built
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",  # for its role autolink
    "numpydoc",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
    "svg_math",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
highlight_language = "none"  # a block that names no language is no Python
html_theme = "furo"
html_title = f"torkivity {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "svg"
# Sources have no place to link to, and a browser would guess the encoding of copies.
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # takes the pages found from a server

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Docstrings state types, shapes and units in words; annotations would say less, twice.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
default_role = "autolink"

sphinx_gallery_conf = {
    "examples_dirs": "../scripts/examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "css": ["sg_gallery"],
    "capture_repr": (),
    "reset_modules": ("matplotlib",),
    "download_all_examples": False,
    "min_reported_time": 3600,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
}
