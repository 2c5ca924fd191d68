"""Configuration of the site: `make docs` builds it into docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import synaptic_sampling

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from gallery_setup import copy_examples  # type: ignore[import-not-found]  # noqa: E402 (beside this file)

project = "synaptic_sampling"
author = copyright = "The synaptic_sampling authors"
version = release = synaptic_sampling.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_examples", "gallery/*.ipynb"]
templates_path = ["_templates"]
nitpicky = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tutorials are stored with their output; tests/test_tutorials.py runs them

# A name that several modules export has one page, which the others refer to.
autosummary_generate = True
autosummary_ignore_module_all = False
exported: list[str] = vars(synaptic_sampling)["__all__"]
pages = {"SET": "synaptic_sampling.rules.SET"} | {name: f"synaptic_sampling.{name}" for name in exported}
autosummary_context = {"pages": pages}
autodoc_typehints = "none"  # numpydoc sections name the types
numpydoc_show_class_members = False

copy_examples(HERE.parent / "scripts" / "examples", HERE / "_examples")
sphinx_gallery_conf = {
    "examples_dirs": "_examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "",
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "plot_gallery": True,
    "min_reported_time": 10_000,
    "matplotlib_animations": False,
    "reset_modules": ("matplotlib", "gallery_setup.reset_brian"),
}

html_theme = "pydata_sphinx_theme"
html_title = "synaptic_sampling"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
}
html_sidebars: dict[str, list[str]] = {"glossary": [], "faq": []}


def describe_dtype(app: Any, what: str, name: str, found: object, options: Any, lines: list[str]) -> None:
    """Document a structured dtype by its fields, in place of the docstring of its class."""
    if isinstance(found, np.dtype):
        lines[:] = ["Structured dtype with the fields:", ""]
        lines += [f"- ``{field}``: {found[field]}" for field in found.names or ()]


def setup(app: Any) -> None:
    """Register the event handlers."""
    app.connect("autodoc-process-docstring", describe_dtype)
