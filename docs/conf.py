"""The site: MyST pages, and the reference drawn from the docstrings. `make docs` builds it; warnings are errors."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path

project = "shrinkage"
author = "The shrinkage developers"
copyright = author
release = version_of("shrinkage")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Regularised models, certified", "page_width": "1120px", "fixed_sidebar": True}
html_title = "shrinkage"

autodoc_member_order = "bysource"
autodoc_mock_imports = [
    name for name in ("torch", "safetensors") if find_spec(name) is None
]  # extras, read for their docstrings alone
autodoc_typehints = "none"  # the docstrings name shapes and units, which types cannot
default_role = "code"

MARKED = re.compile(r"(`[^`]+`|\*\*[A-Z][\w ]*\*\*|(?<![\w*])\*\w+\*(?![\w*]))")  # code, bold, emphasis


def from_markdown(app, what, name, obj, options, lines: list[str]) -> None:
    """Our docstrings are Markdown, autodoc reads reStructuredText: marked words stay marked, other marks are escaped.

    A paragraph indented by four is code.
    """
    out: list[str] = []
    prompt = False
    for line in lines:
        prompt = bool(line.strip()) and (prompt or line.lstrip().startswith(">>>"))
        if prompt:
            out.append(line)
            continue
        if line.startswith("    ") and (not out or not out[-1].strip()):
            out += ["::", ""]
        if line.startswith("    "):
            out.append(line)
            continue
        parts = MARKED.split(line)
        parts[::2] = [re.sub(r"([*|])|(\w)_(?=\W|$)", lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\_", p) for p in parts[::2]]
        parts[1::2] = [f"`{p}`" if p.startswith("`") else p for p in parts[1::2]]
        out.append("".join(parts))
    lines[:] = out


def draw_gallery(app) -> None:
    """The gallery's pictures, drawn anew by each build, so that they show what the library draws."""
    sys.path.insert(0, str(Path(__file__).parent))
    import gallery

    gallery.draw(Path(__file__).parent / "pictures" / "gallery", ["light"])


def setup(app) -> None:
    app.connect("autodoc-process-docstring", from_markdown)
    app.connect("builder-inited", draw_gallery)
