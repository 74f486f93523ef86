"""Pictures of charts: SVG, and a page of HTML that holds the picture, the facts, and what a reader does with them."""

import json
import re
from html import escape
from pathlib import Path

from scirs_ad._transforms.cost import FAMILIES
from scirs_ad._transforms.layout import layered
from scirs_ad._transforms.notation import amount, duration

__all__ = ["draw", "page"]

MARGIN, HEAD = 28.0, 64.0
LONGEST = 34  # characters of a line on a node
WIDE, NARROW = 7.3, 6.1  # of a character: of the title, of the lines below it
BAR = 4.0

# Fill and ink of each kind of node, for a light and a dark page. Fills are pale and of one lightness, so that the text on
# all of them reads alike (contrast at least 7 to 1), and differ in hue as well for readers who confuse red and green.
COLOURS = {
    "input": ("#dbeafe", "#1e40af", "#1e3a5f", "#bfdbfe"),
    "constant": ("#e7e5e4", "#44403c", "#3f3a36", "#e7e5e4"),
    "elementwise": ("#d5f5ec", "#115e59", "#134e4a", "#a7f3e0"),
    "reduction": ("#ffe9cc", "#8a3b0c", "#5f3413", "#fed7aa"),
    "linear algebra": ("#ebe4fe", "#5b21b6", "#46307a", "#ddd6fe"),
    "movement": ("#fdf0bf", "#713f12", "#544014", "#fde68a"),
    "view": ("#f4f4f5", "#52525b", "#313137", "#d4d4d8"),
    "function": ("#fde2ec", "#9d174d", "#661c42", "#fbcfe8"),
    "other": ("#e0e7ef", "#334155", "#334155", "#e2e8f0"),
}
PAGE = ("#ffffff", "#18181b", "#71717a", "#a1a1aa"), ("#18181b", "#fafafa", "#a1a1aa", "#71717a")
assert set(COLOURS) == {"input", "constant", *FAMILIES}


def key_of(node):
    """The entry of `COLOURS` for a node."""
    return node.family if node.kind == "operation" else node.kind


def word(key):
    """A family as a CSS class."""
    return "k-" + key.replace(" ", "-")


def style():
    """The style sheet of a picture: light, and dark where the reader's system is."""
    rules = []
    for theme, (back, ink, soft, line) in enumerate(PAGE):
        lines = [
            f".back {{ fill: {back} }}", f".ink {{ fill: {ink} }}", f".soft {{ fill: {soft} }}",
            f".edge {{ fill: none; stroke: {line}; stroke-width: 1.3 }}", f".tip {{ fill: {line} }}",
        ]  # fmt: skip
        for key, colours in COLOURS.items():
            fill, dark = colours[2 * theme], colours[2 * theme + 1]
            lines += [
                f".{word(key)} .box {{ fill: {fill}; stroke: {dark}; stroke-opacity: .45 }}",
                f".{word(key)} text {{ fill: {dark} }}", f".{word(key)} .bar {{ fill: {dark} }}",
            ]  # fmt: skip
        text = "\n".join(lines)
        rules.append(text if theme == 0 else f"@media (prefers-color-scheme: dark) {{\n{text}\n}}")
    return (
        "text { font-family: Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif }\n"
        ".title { font-size: 13px; font-weight: 600 }\n.name { font-weight: 400; opacity: .75 }\n"
        ".small { font-size: 11px }\n"
        ".head { font-size: 17px; font-weight: 650 }\n.box { stroke-width: 1 }\n" + "\n".join(rules)
    )


def cut(text, most=LONGEST):
    """Text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def lines_on(node):
    """What is written on a node: its title, its type, its cost."""
    types = node.types
    shown = cut(types[0] if len(types) == 1 else f"{types[0]} +{len(types) - 1}" if types else "")
    if node.kind != "operation":
        return cut(node.name), shown, ""
    cost = duration(node.seconds) if node.seconds is not None else amount(node.flops, "flop") if node.flops else ""
    return cut(node.title), shown, cost


def measure(node):
    """Width and height of a node."""
    name, types, cost = lines_on(node)
    below = len(types) + (len(cost) + 3 if cost else 0)
    before = len(node.name) + 3 if node.kind == "operation" else 0
    return max(WIDE * (len(name) + before), NARROW * below, 44.0) + 24.0, 46.0


def share_of(chart):
    """Of each operation its share of the largest cost: of the time where it was measured, else of the work."""
    ops = [n for n in chart.nodes if n.kind == "operation"]
    timed = any(n.seconds is not None for n in ops)
    cost = {n.name: (n.seconds or 0.0) if timed else n.flops for n in ops}
    most = max(cost.values(), default=0) or 1
    return {name: c / most for name, c in cost.items()}


def place(chart):
    """The Layout of a chart with a small circle for each output, which follow the nodes."""
    ends = chart.ends()
    sizes = [measure(n) for n in chart.nodes] + [(18.0, 18.0)] * len(ends)
    edges = chart.edges() + [(a, len(chart.nodes) + k) for k, (a, _) in enumerate(ends)]
    return layered(sizes, edges), sizes, edges


def curve(points):
    """A path through pairs of points, upright at each of them."""
    (x, y), parts = points[0], []
    parts.append(f"M{x:.1f} {y:.1f}")
    for u, v in points[1:]:
        if abs(u - x) < 0.05:
            parts.append(f"V{v:.1f}")
        else:
            half = (y + v) / 2
            parts.append(f"C{x:.1f} {half:.1f} {u:.1f} {half:.1f} {u:.1f} {v:.1f}")
        x, y = u, v
    return "".join(parts)


def picture(chart):
    """The groups of edges and nodes, and the width and height that they take."""
    where, sizes, edges = place(chart)
    share, ends = share_of(chart), chart.ends()
    parts = ['<g class="edges">']
    hidden = {}  # reader -> what it reads over edges that are too long to be drawn
    for a, b in edges:
        points = where.paths.get((a, b))
        if points is None:
            hidden.setdefault(b, []).append(a)
            continue
        x, y = points[-1]
        points = [*points[:-1], (x, y - 5)]
        parts.append(
            f'<g class="e" data-a="{a}" data-b="{b}"><path class="edge" d="{curve(points)}"/>'
            f'<path class="tip" d="M{x:.1f} {y:.1f}l-3.4 -6.4h6.8z"/></g>'
        )
    parts.append('</g><g class="nodes">')
    for k, n in enumerate(chart.nodes):
        (x, y), (w, h) = where.center[k], sizes[k]
        name, types, cost = lines_on(n)
        left = x - w / 2
        radius = h / 2 if n.kind == "input" else 8
        parts.append(f'<g class="n {word(key_of(n))}" data-n="{k}"><title>{escape(full(n))}</title>')
        parts.append(f'<rect class="box" x="{left:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{radius:g}"/>')
        before = f'<tspan class="name">{escape(n.name)} = </tspan>' if n.kind == "operation" else ""
        parts.append(
            f'<text class="title" x="{x:.1f}" y="{y + 19:.1f}" text-anchor="middle">{before}{escape(name)}</text>'
        )
        both = f"{types} · {cost}" if cost else types
        parts.append(f'<text class="small" x="{x:.1f}" y="{y + 35:.1f}" text-anchor="middle">{escape(both)}</text>')
        part = share.get(n.name, 0.0)
        if part > 0.01:
            length = max(part * (w - 16), BAR)
            parts.append(
                f'<rect class="bar" x="{left + 8:.1f}" y="{y + h - BAR:.1f}" width="{length:.1f}" height="{BAR / 2:g}" '
                f'rx="1"/>'
            )
        if k in hidden:
            names = cut(", ".join([chart.nodes[a].name for a in hidden[k]]), 24)
            parts.append(
                f'<text class="small" x="{x:.1f}" y="{y - 4:.1f}" text-anchor="middle">↑ {escape(names)}</text>'
            )
        parts.append("</g>")
    for j, (_, k) in enumerate(ends):
        x, y = where.center[len(chart.nodes) + j]
        parts.append(
            f'<g class="o"><title>output {k}</title><circle class="ink" cx="{x:.1f}" cy="{y + 9:.1f}" r="7"/>'
            f'<circle class="back" cx="{x:.1f}" cy="{y + 9:.1f}" r="3"/></g>'
        )
    parts.append("</g>")
    return "\n".join(parts), where.width, where.height


def full(node):
    """Everything about a node as text."""
    if node.kind != "operation":
        return f"{node.name}: {node.kind} {', '.join(node.types)}"
    found = [f"{node.name} = {node.call}", ", ".join(node.types)]
    found.append(f"{amount(node.flops, 'flop')}, {amount(node.moved, 'B')} moved")
    if node.seconds is not None:
        found[-1] += f", {duration(node.seconds)}"
    return "\n".join([*found, *node.lines])


def summary(chart):
    """One line about a chart."""
    s = chart.statistics()
    parts = [f"{s.nodes} node{'s' * (s.nodes != 1)}", amount(s.flops, "flop"), f"{amount(s.moved, 'B')} moved"]
    if s.seconds is not None:
        parts.append(duration(s.seconds))
    return " · ".join(parts)


def draw(chart):
    """A chart as SVG."""
    body, width, height = picture(chart)
    heading, about = cut(chart.name, 60), summary(chart)
    used = [key for key in COLOURS if any(key_of(n) == key for n in chart.nodes)]
    legend, x = [], 0.0
    for key in used:
        legend.append(
            f'<g class="{word(key)}" transform="translate({x:.1f} 0)"><rect class="box" width="12" height="12" rx="3"/>'
            f'<text class="small" x="18" y="10">{key}</text></g>'
        )
        x += 34 + NARROW * len(key)
    wide = max(width, x, 9.2 * len(heading), NARROW * len(about)) + 2 * MARGIN
    tall = height + HEAD + 2 * MARGIN + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}" '
        f'height="{tall:.0f}" role="img" aria-label="{escape(f"graph of {chart.name}: {about}")}">\n'
        f"<style>\n{style()}\n</style>\n"
        f'<rect class="back" width="100%" height="100%"/>\n'
        f'<text class="head ink" x="{MARGIN:g}" y="{MARGIN + 14:g}">{escape(heading)}</text>\n'
        f'<text class="small soft" x="{MARGIN:g}" y="{MARGIN + 33:g}">{escape(about)}</text>\n'
        f'<g transform="translate({MARGIN:g} {MARGIN + 46:g})">{"".join(legend)}</g>\n'
        f'<g transform="translate({(wide - width) / 2:.1f} {HEAD + MARGIN + 12:g})">\n{body}\n</g>\n</svg>\n'
    )


def page(chart):
    """A chart as a page of HTML that needs nothing else."""
    body, width, height = picture(chart)
    share = share_of(chart)
    facts = [
        {
            "name": n.name, "kind": n.kind, "family": key_of(n), "title": n.title, "call": n.call, "types": n.types,
            "params": n.params, "flops": n.flops, "moved": n.moved, "bytes": n.nbytes, "seconds": n.seconds,
            "share": share.get(n.name, 0.0), "lines": n.lines,
        }
        for n in chart.nodes
    ]  # fmt: skip
    number = {n.name: k for k, n in enumerate(chart.nodes)}
    for n, fact in zip(chart.nodes, facts, strict=True):
        fact["reads"] = list(dict.fromkeys([number[a[0]] for a in n.args if type(a) is not str]))
    data = {"name": chart.name, "summary": summary(chart), "nodes": facts, "outputs": [a for a, _ in chart.ends()]}
    themes = []
    for theme in (0, 1):
        back, ink, soft, line = PAGE[theme]
        values = [f"--back: {back}", f"--ink: {ink}", f"--soft: {soft}", f"--line: {line}"]
        for key, colours in COLOURS.items():
            values += [f"--{word(key)}: {colours[2 * theme]}", f"--{word(key)}-ink: {colours[2 * theme + 1]}"]
        themes.append("; ".join(values))
    kinds = "\n".join(
        [
            f".{word(k)} .box, .chip.{word(k)} {{ fill: var(--{word(k)}); background: var(--{word(k)}); "
            f"stroke: var(--{word(k)}-ink) }} .{word(k)} text, .chip.{word(k)} {{ fill: var(--{word(k)}-ink); "
            f"color: var(--{word(k)}-ink) }} .{word(k)} .bar {{ fill: var(--{word(k)}-ink) }}"
            for k in COLOURS
        ]
    )
    text = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    filled = {
        "TITLE": escape(chart.name),
        "LIGHT": themes[0],
        "DARK": themes[1],
        "KINDS": kinds,
        "WIDTH": f"{width:.0f}",
        "HEIGHT": f"{height:.0f}",
        "PICTURE": body,
        # In a script, "</" would end it.
        "DATA": json.dumps(data).replace("</", "<\\/"),
    }
    return re.sub("@([A-Z]+)@", lambda found: filled[found[1]], text)
