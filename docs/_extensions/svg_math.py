"""Formulas as drawings inside the page: nothing to load, no script, the same in every browser."""

from __future__ import annotations

from functools import cache
from html import escape
from itertools import pairwise
from xml.etree import ElementTree

import ziamath
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator
from ziamath.tex import tex2mml

ziamath.config.math.color = "currentColor"  # follows light and dark
ziamath.config.svg2 = False  # glyphs where they are used, so that drawings do not share ids
ziamath.config.precision = 2
SIZE = 20.0  # points; what is written is in em
SIGNS = ("+", "−", "±", "∓")  # noqa: RUF001
# After these an operator joins two terms. A bar may open as well: then the sign has wider gaps.
CLOSING = (")", "]", "}", "|", "‖", "⟩", "!", "′", "∗", "†")  # noqa: RUF001

logger = logging.getLogger(__name__)


def mark_signs(tree: ElementTree.Element) -> None:
    """Tell the sign of a number, as in (−1, 0) or x = −1, from the operator of a difference."""
    for row in tree.iter():
        parts = [part for part in row if not part.tag.endswith("mspace")]
        for before, part in pairwise(parts):
            after_operator = before.tag.endswith("mo") and before.text not in CLOSING
            if part.tag.endswith("mo") and part.text in SIGNS and after_operator:
                part.set("form", "prefix")


@cache
def drawing(tex: str, inline: bool) -> str:
    r"""SVG of a formula, on the baseline of the text around it.

    Raises
    ------
    ValueError
        For a command that the converter does not know, which it would print as it stands.
    """
    mathml = tex2mml(tex, inline=inline)
    if "\\" in mathml:
        unknown = mathml.partition("\\")[2].partition("<")[0]
        raise ValueError(f"unknown command \\{unknown} in the formula {tex}")
    # U+0302 is a \widehat; \hat comes out as one, too.
    tree = ElementTree.fromstring(mathml.replace("&#x00302;", "&#710;"))
    mark_signs(tree)
    drawn = ziamath.Math(tree, size=SIZE)
    svg = drawn.svgxml()
    for side in ("width", "height"):
        svg.set(side, f"{float(svg.get(side, '0')) / SIZE:.3f}em")
    svg.set("role", "img")
    svg.set("aria-label", " ".join(tex.split()))
    text = ElementTree.tostring(svg, encoding="unicode", short_empty_elements=True)
    depth = drawn.getyofst() / SIZE
    return f'<span class="formula" style="vertical-align:{depth:.3f}em">{text}</span>'


def formula(node: nodes.math | nodes.math_block, inline: bool) -> str:
    """SVG of a node; its source, with a warning, where that cannot be drawn."""
    tex = node.astext().strip()
    try:
        return drawing(tex, inline)
    except Exception as error:  # whatever the converter makes of bad input
        logger.warning("%s", error or type(error).__name__, location=node)
        return f"<code>{escape(tex)}</code>"


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """A formula within text."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate"))
    self.body.append(formula(node, inline=True) + "</span>")
    raise nodes.SkipNode


def visit_displaymath(self: HTML5Translator, node: nodes.math_block) -> None:
    """A formula of its own, with the number by which others refer to it if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append(formula(node, inline=False) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register as Sphinx's renderer of formulas in HTML."""
    app.add_html_math_renderer("svg", (visit_math, None), (visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
