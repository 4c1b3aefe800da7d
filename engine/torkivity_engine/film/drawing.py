"""A film as a picture: the stack to scale, its interfaces, outer faces, m of each magnet, E.

The picture is SVG without any style sheet, in colours that are seen on light and on dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torkivity_engine.film.component import Component
from torkivity_engine.film.parameters import parameters, quoted
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.html import escape, html_table

__all__ = ["film_html", "film_svg", "film_words"]

#: Pixels: the stack, the labels beside it, all of it.
_LEFT, _RIGHT, _LABELS, _WIDTH = 56.0, 160.0, 196.0, 380.0
_TOP, _HEIGHT = 14.0, 220.0
#: Of what has no thickness that could be to scale.
_ENDLESS = 22.0
_LINE = 17.0

_METALS, _MAGNETS = ("#8fa9cc", "#6f8db5"), ("#e0a458", "#c98a3a")
_M, _E = "#c2410c", "#15803d"


class _Block(NamedTuple):
    """A layer in the picture, or what goes on beyond the stack."""

    top: float
    height: float
    colour: str
    dashed: bool = False


class _Label(NamedTuple):
    """Text beside the stack and the height that it belongs to."""

    at: float
    lines: tuple[str, ...]
    arrow: Sequence[float] | None = None


def film_html(film: Bilayer | Stack) -> str:
    """Picture of a film with the table of its parameters.

    Parameters
    ----------
    film : Bilayer or Stack

    Returns
    -------
    str
        HTML.
    """
    stack = as_stack(film)
    between = [*stack.names_of_interfaces, ""]
    parts: list[tuple[str, Component]] = [("left", stack.left)]
    for name, layer, joint, interface in zip(
        stack.names, stack.layers, between, (*stack.interfaces, None), strict=True
    ):
        parts.append((name, layer))
        if interface is not None:
            parts.append((joint, interface))
    parts.append(("right", stack.right))
    known = parameters(film)
    rows = []
    for name, part in reversed(parts):
        numbers = [
            f"{p.meaning} {_shown(p.value, p.unit)}"
            for path, p in known.items()
            if path.startswith(f"{quoted(name)}.")
        ]
        rows.append((name, part.kind.replace("_", " "), ", ".join(numbers)))
    of_film = [p for path, p in known.items() if path.startswith("film.")]
    whole = ", ".join(f"{p.meaning} {_shown(p.value, p.unit)}" for p in of_film)
    rows.append(("film", "", whole))
    return film_svg(film) + html_table(("part", "kind", "parameters, from the top"), rows)


def film_words(film: Bilayer | Stack) -> str:
    """The same in a sentence, for those who do not see the picture."""
    stack = as_stack(film)
    layers = "; ".join(
        ", ".join(label.lines) for label in reversed(_layer_labels(stack, _blocks(stack)))
    )
    return f"From the bottom: {layers}. {_field_words(stack)}"


def film_svg(film: Bilayer | Stack) -> str:
    """Picture of a film.

    Parameters
    ----------
    film : Bilayer or Stack

    Returns
    -------
    str
        An ``svg`` element, 380 wide. Thicknesses are to scale; what has none, or no end, is
        dashed. x points to the right, y into the page, z up.
    """
    stack = as_stack(film)
    blocks = _blocks(stack)
    labels = _labels(stack, blocks)
    places = _spread(labels)
    drawn = [_rectangle(block) for block in blocks]
    drawn += [_joint(blocks[i].top) for i in range(1, len(blocks))]
    for label, place in zip(labels, places, strict=True):
        drawn.append(_label(label, place))
    bottom = max(blocks[-1].top + blocks[-1].height, places[-1] + _LINE * len(labels[-1].lines))
    drawn.append(_scale_bar(stack, blocks))
    drawn.append(_axes(stack, bottom + 58.0))
    height = bottom + 84.0
    words = escape(film_words(film))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:.0f}" '
        f'width="{_WIDTH:g}" height="{height:.0f}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{words}" font-family="sans-serif" font-size="13" fill="currentColor">'
        f"<title>{words}</title>{''.join(drawn)}</svg>"
    )


def _shown(value: object, unit: str = "") -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}" if unit not in ("", "1") else text


def _scale(stack: Stack) -> float:
    """Pixels per nm."""
    return _HEIGHT / (sum(layer.thickness for layer in stack.layers) or 1.0)


def _blocks(stack: Stack) -> list[_Block]:
    """Everything from the top: endless ends and layers."""
    blocks: list[_Block] = []
    top, scale = _TOP, _scale(stack)

    def add(height: float, magnetic: bool, dashed: bool) -> None:
        nonlocal top
        shades = _MAGNETS if magnetic else _METALS
        blocks.append(_Block(top, height, shades[len(blocks) % 2], dashed))
        top += height

    if not stack.right.closed:
        add(_ENDLESS, stack.layers[-1].magnetic, True)
    for layer in reversed(stack.layers):
        endless = not layer.thickness > 0.0
        add(_ENDLESS if endless else scale * layer.thickness, layer.magnetic, endless)
    if not stack.left.closed:
        add(_ENDLESS, stack.layers[0].magnetic, True)
    return blocks


def _layer_labels(stack: Stack, blocks: Sequence[_Block]) -> list[_Label]:
    """Of the layers, from the top."""
    first = 0 if stack.right.closed else 1
    labels = []
    for i, (name, layer) in enumerate(reversed(list(zip(stack.names, stack.layers, strict=True)))):
        block = blocks[first + i]
        size = f" {layer.thickness:g} nm" if layer.thickness > 0.0 else ""
        m = layer.magnetization
        lines = [f"{name}{size}"]
        if m is not None:
            lines.append(f"m\N{COMBINING CIRCUMFLEX ACCENT} = ({', '.join(_short(x) for x in m)})")
        labels.append(_Label(block.top + block.height / 2.0, tuple(lines), m))
    return labels


def _short(value: float) -> str:
    return f"{round(value, 3) + 0.0:g}"  # + 0.0 turns -0.0 into 0.0


def _labels(stack: Stack, blocks: Sequence[_Block]) -> list[_Label]:
    """All of them from the top: outer faces, layers, interfaces."""
    layers = _layer_labels(stack, blocks)
    first = 0 if stack.right.closed else 1
    labels = [_Label(_TOP, (_end_words(stack, "right"),))]
    for i, label in enumerate(layers):
        if i:
            name = stack.names_of_interfaces[len(layers) - 1 - i]
            labels.append(_Label(blocks[first + i].top, (f"interface {name}",)))
        labels.append(label)
    last = blocks[-1]
    labels.append(_Label(last.top + last.height, (_end_words(stack, "left"),)))
    return labels


def _end_words(stack: Stack, end: str) -> str:
    part = stack.left if end == "left" else stack.right
    numbers = [
        f"{p.meaning} {_shown(p.value, p.unit)}"
        for path, p in parameters(stack).items()
        if path.startswith(f"{end}.") and p.value != 0.0
    ]
    kind = part.kind.replace("_", " ")
    text = ", ".join([kind, *numbers])
    return text if len(text) <= 26 else kind


def _spread(labels: Sequence[_Label]) -> list[float]:
    """Tops of the labels: near what they belong to, none over another."""
    places: list[float] = []
    free = 0.0
    for label in labels:
        height = _LINE * len(label.lines)
        places.append(max(label.at - height / 2.0, free))
        free = places[-1] + height + 3.0
    return places


def _rectangle(block: _Block) -> str:
    dash = ' stroke="currentColor" stroke-dasharray="4 3"' if block.dashed else ""
    opacity = ' fill-opacity="0.45"' if block.dashed else ""
    return (
        f'<rect x="{_LEFT:g}" y="{block.top:.1f}" width="{_RIGHT - _LEFT:g}" '
        f'height="{max(block.height, 0.5):.1f}" fill="{block.colour}"{opacity}{dash}/>'
    )


def _joint(at: float) -> str:
    return (
        f'<path d="M{_LEFT - 5:g} {at:.1f}H{_RIGHT + 5:g}" stroke="currentColor" '
        'stroke-width="1.5"/>'
    )


def _label(label: _Label, place: float) -> str:
    """Text, the line that leads to it, and m."""
    height = _LINE * len(label.lines)
    middle = place + height / 2.0
    parts = [
        f'<path d="M{_RIGHT + 5:g} {label.at:.1f}L{_LABELS - 18:g} {middle:.1f}'
        f'H{_LABELS - 6:g}" fill="none" stroke="currentColor" stroke-width="0.7" opacity="0.6"/>'
    ]
    x = _LABELS
    if label.arrow is not None:
        parts.append(_arrow(x + 16.0, middle, label.arrow, 15.0, _M, centred=True))
        x += 38.0
    for i, line in enumerate(label.lines):
        weight = ' font-weight="bold"' if i == 0 and label.arrow is not None else ""
        room = _WIDTH - x - 4.0
        squeeze = (
            f' textLength="{room:g}" lengthAdjust="spacingAndGlyphs"'
            if 7.0 * len(line) > room
            else ""
        )
        y = place + _LINE * (i + 0.76)
        parts.append(f'<text x="{x:g}" y="{y:.1f}"{weight}{squeeze}>{escape(line)}</text>')
    return "".join(parts)


def _projected(vector: Sequence[float], length: float) -> tuple[float, float]:
    """x to the right, y into the page and drawn aslant, z up."""
    x, y, z = vector
    return length * (x + 0.42 * y), -length * (z + 0.3 * y)


def _arrow(
    x: float,
    y: float,
    vector: Sequence[float],
    length: float,
    colour: str,
    *,
    centred: bool = False,
) -> str:
    dx, dy = _projected(vector, length)
    if centred:
        x, y = x - dx / 2.0, y - dy / 2.0
    size = math.hypot(dx, dy)
    if size < 1e-9:
        return ""
    ux, uy = dx / size, dy / size
    tip, back = (x + dx, y + dy), min(7.0, 0.6 * size)
    base = (tip[0] - back * ux, tip[1] - back * uy)
    wing = 0.5 * back
    head = (
        f"{tip[0]:.1f},{tip[1]:.1f} {base[0] - wing * uy:.1f},{base[1] + wing * ux:.1f} "
        f"{base[0] + wing * uy:.1f},{base[1] - wing * ux:.1f}"
    )
    return (
        f'<path d="M{x:.1f} {y:.1f}L{base[0]:.1f} {base[1]:.1f}" stroke="{colour}" '
        f'stroke-width="2.2"/><polygon points="{head}" fill="{colour}"/>'
    )


def _scale_bar(stack: Stack, blocks: Sequence[_Block]) -> str:
    """A round length at the left of the layers."""
    scale = _scale(stack)
    total = _HEIGHT / scale
    power = 10.0 ** math.floor(math.log10(total))
    length = next(x * power for x in (5.0, 2.0, 1.0, 0.5) if x * power <= 0.6 * total)
    low = blocks[-1].top + blocks[-1].height - (0.0 if stack.left.closed else _ENDLESS)
    high = low - scale * length
    return (
        f'<path d="M34 {high:.1f}h8m-4 0V{low:.1f}m-4 0h8" fill="none" stroke="currentColor"/>'
        f'<text x="28" y="{(low + high) / 2.0:.1f}" font-size="12" text-anchor="middle" '
        f'transform="rotate(-90 28 {(low + high) / 2.0:.1f})">{length:g} nm</text>'
    )


def _axes(stack: Stack, y: float) -> str:
    """Directions x, y and z, and E among them."""
    parts = []
    x = _LEFT + 6.0
    for name, axis in (("x", (1, 0, 0)), ("y", (0, 1, 0)), ("z", (0, 0, 1))):
        dx, dy = _projected(axis, 40.0)
        parts.append(_arrow(x, y, axis, 34.0, "currentColor"))
        parts.append(f'<text x="{x + dx:.1f}" y="{y + dy + 4.0:.1f}">{name}</text>')
    parts.append(_arrow(_LABELS + 16.0, y - 8.0, list(stack.field_direction), 26.0, _E,
                        centred=True))  # fmt: skip
    words = f"E, {stack.field_direction_deg:g}\N{DEGREE SIGN} from x"
    parts.append(f'<text x="{_LABELS + 38.0:g}" y="{y - 4.0:.1f}">{words}</text>')
    return "".join(parts)


def _field_words(stack: Stack) -> str:
    return f"E in the plane at {stack.field_direction_deg:g} degrees from x."
