"""Charts: a graph as plain data, which is counted, written as text, DOT, Mermaid and JSON, and drawn.

Whatever has nodes (a traced graph, the compiler's graphs, a measured program) describes itself as a `Chart`; what is
done with it is written once, here and in drawing.py.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from scirs_ad._core.core import Spec, spec_of
from scirs_ad._core.errors import GraphError
from scirs_ad._transforms.cost import family_of, flops_of, is_view, size_of
from scirs_ad._transforms.drawing import draw, page
from scirs_ad._transforms.notation import amount, duration, type_text

__all__ = ["Chart", "ChartNode", "Drawable", "Statistics", "fresh", "input_node", "operation_node"]

FORMAT, VERSION = "scirs_ad.graph", 1
KINDS = "input", "constant", "operation"


@dataclass(frozen=True)
class ChartNode:
    """One node of a `Chart`.

    Attributes
    ----------
    name : str
        Unique in its chart.
    kind : {"input", "constant", "operation"}
    primitive : str
        What is applied; "" for inputs and constants.
    family : str
        What kind of operation that is, such as "elementwise", "reduction" or "linear algebra".
    params : dict
        Name -> text.
    args : tuple
        Of ``(name of a node, number of its output)``, or a str for a number that stands in the graph itself.
    outputs : tuple
        Of ``(shape, dtype)``.
    flops, moved : int
        Operations on numbers; bytes read and written.
    seconds : float or None
        Measured.
    lines : tuple of str
        What a fused region or the body of a loop consists of.
    """

    name: str
    kind: str
    primitive: str = ""
    family: str = ""
    params: dict = field(default_factory=dict)
    args: tuple = ()
    outputs: tuple = ()
    flops: int = 0
    moved: int = 0
    seconds: float | None = None
    lines: tuple = ()

    @property
    def specs(self):
        """The outputs as Specs."""
        return [Spec(shape, dtype) for shape, dtype in self.outputs]

    @property
    def types(self):
        """`f64[2,3]`, for each output."""
        return [type_text(s) for s in self.specs]

    @property
    def nbytes(self):
        """Bytes of the outputs."""
        return sum(map(size_of, self.specs))

    @property
    def title(self):
        """What is written on it: `multiply(·, 2.0)` where one argument is a number, else `multiply`."""
        if self.kind != "operation":
            return self.name
        if any(type(a) is str for a in self.args):
            return f"{self.primitive}({', '.join([a if type(a) is str else '·' for a in self.args])})"
        return self.primitive

    @property
    def call(self):
        """`multiply(a, 2.0, axis=0)`."""
        args = [a if type(a) is str else a[0] if a[1] == 0 else f"{a[0]}[{a[1]}]" for a in self.args]
        return f"{self.primitive}({', '.join([*args, *(f'{k}={v}' for k, v in self.params.items())])})"


def fresh(name, taken):
    """A name that no node has: `name`, with a prime for each node that has it already."""
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def input_node(name, kind, x):
    """The node of an input or a constant."""
    return ChartNode(name, kind, outputs=(described(spec_of(x)),))


def operation_node(name, primitive, params, args, ins, outs):
    """The node of an operation on `ins` with the results `outs` (Specs)."""
    moved = 0 if is_view(primitive, params) else sum(map(size_of, (*ins, *outs)))
    lines = [
        f"{key}: {line}" for key, v in (params or {}).items() if hasattr(v, "probe") for line in str(v).split("\n")
    ]
    return ChartNode(
        name,
        "operation",
        primitive.name,
        family_of(primitive, params),
        {key: type_text(v) if isinstance(v, np.ndarray) else repr(v) for key, v in (params or {}).items()},
        tuple(args),
        tuple(map(described, outs)),
        flops_of(primitive, params, ins, outs),
        moved,
        lines=tuple(lines),
    )


def described(spec):
    """A Spec as plain data."""
    return spec.shape, spec.dtype.name


@dataclass(frozen=True)
class Statistics:
    """What a graph consists of.

    Attributes
    ----------
    nodes, inputs, outputs, constants : int
        Nodes are operations; constants are arrays that the graph holds.
    constant_bytes : int
        Of those arrays.
    depth, width : int
        Operations on the longest path, and the most at the same distance from the inputs.
    flops, moved : int
        Operations on numbers, an elementwise function counted as one; bytes that operations read and write.
    largest : int
        Bytes of the largest result.
    seconds : float or None
        Measured, if the graph is that of a profile.
    primitives : dict
        How many operations there are of each primitive, the most frequent first.
    """

    nodes: int
    inputs: int
    outputs: int
    constants: int
    constant_bytes: int
    depth: int
    width: int
    flops: int
    moved: int
    largest: int
    seconds: float | None
    primitives: dict

    def __str__(self):
        rows = [
            ("nodes", f"{self.nodes} (depth {self.depth}, width {self.width})"),
            ("inputs, outputs", f"{self.inputs}, {self.outputs}"),
            ("constants", f"{self.constants} ({amount(self.constant_bytes, 'B')})"),
            ("work", f"{amount(self.flops, 'flop')}, {amount(self.moved, 'B')} moved"),
            ("largest result", amount(self.largest, "B")),
        ]
        if self.seconds is not None:
            rows.append(("time", duration(self.seconds)))
        rows.append(("primitives", ", ".join(f"{n} {name}" for name, n in self.primitives.items())))
        return "\n".join(f"{name:<16} {text}" for name, text in rows)


class Drawable:
    """What can describe itself as a Chart, and so be counted, written and drawn."""

    def chart(self):
        """This graph as plain data: a `Chart`."""
        raise NotImplementedError

    def statistics(self):
        """Nodes by primitive, depth, width, work, bytes: `Statistics`, which prints as a table."""
        return self.chart().statistics()

    def text(self):
        """One line per node, with shape, work and bytes (and time, of a profile)."""
        return self.chart().text()

    def dot(self):
        """Graphviz's language."""
        return self.chart().dot()

    def mermaid(self):
        """A Mermaid flowchart, for Markdown pages."""
        return self.chart().mermaid()

    def json(self):
        """JSON, which `Chart.from_json` reads; the format is described in the documentation."""
        return self.chart().json()

    def svg(self):
        """A picture, in the colours of the reader's light or dark theme."""
        return self.chart().svg()

    def html(self):
        """A page that needs nothing else: zoom, search, cost per node, what a node reads and who reads it."""
        return self.chart().html()

    def save(self, path):
        """Write to a file, in the form that its ending says: .txt, .dot, .mmd, .json, .svg or .html."""
        return self.chart().save(path)

    def _repr_svg_(self):
        return self.chart()._repr_svg_()


class Chart(Drawable):
    """A graph as plain data: named nodes in an order in which they can be run, and outputs.

    Made by the method `chart` of a `Graph`, of each step of ``compile(f).lower(*args)``, of the profile of a compiled
    function; or read from JSON.

    Parameters
    ----------
    name : str
    nodes : sequence of ChartNode
        Each has a `name`, `kind`, `primitive`, `params`, `args`, `outputs`, `flops`, `moved`, `seconds`, `lines`.
    outputs : sequence
        Of ``(name of a node, number of its output)``, or a str for a number.

    Raises
    ------
    GraphError
        If a name is used twice, or a node or an output reads what no earlier node makes.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> chart = ad.trace(lambda x: np.sin(x) * 2.0)(np.zeros(3)).chart()
    >>> print(chart.mermaid())
    flowchart TD
      n0(["x0<br/>f64[3]"])
      n1["sin<br/>f64[3]"]
      n2["multiply(·, 2.0)<br/>f64[3]"]
      n0 --> n1
      n1 --> n2
      n2 --> out0((" "))
    >>> ad.Chart.from_json(chart.json()) == chart
    True
    """

    def __init__(self, name, nodes, outputs):
        self.name, self.nodes, self.outputs = name, tuple(nodes), tuple(outputs)
        self.check()

    def chart(self):
        return self

    def __eq__(self, other):
        return type(other) is Chart and vars(self) == vars(other)

    __hash__ = None

    def __len__(self):
        return sum(n.kind == "operation" for n in self.nodes)

    def __repr__(self):
        return f"<Chart {self.name}: {len(self)} node(s)>"

    def check(self):
        """GraphError unless names are unique and everything that is read was made before."""
        known = {}
        for node in self.nodes:
            if node.name in known:
                raise GraphError(f"{self.name}: two nodes are named {node.name!r}")
            for a in node.args:
                _known(known, a, f"{self.name}: {node.name} = {node.primitive}(...)", self.nodes)
            known[node.name] = len(node.outputs)
        for k, y in enumerate(self.outputs):
            _known(known, y, f"{self.name}: output {k}", self.nodes)

    # -------------------------------------------------------------------------------- counting
    def statistics(self):
        """Nodes by primitive, depth, width, work, bytes."""
        level, ops = {}, [n for n in self.nodes if n.kind == "operation"]
        for n in ops:
            level[n.name] = 1 + max((level.get(a[0], 0) for a in n.args if type(a) is not str), default=0)
        at = Counter(level.values())
        constants = [n for n in self.nodes if n.kind == "constant"]
        times = [n.seconds for n in ops if n.seconds is not None]
        return Statistics(
            nodes=len(ops),
            inputs=sum(n.kind == "input" for n in self.nodes),
            outputs=len(self.outputs),
            constants=len(constants),
            constant_bytes=sum([n.nbytes for n in constants]),
            depth=max(at, default=0),
            width=max(at.values(), default=0),
            flops=sum(n.flops for n in ops),
            moved=sum(n.moved for n in ops),
            largest=max([n.nbytes for n in ops], default=0),
            seconds=sum(times) if times else None,
            primitives=dict(Counter(n.primitive for n in ops).most_common()),
        )

    # -------------------------------------------------------------------------------- text
    def text(self):
        """One line per node, with shape, work and bytes (and time, of a profile)."""
        rows = [(f"{self.name}", "shape", "work", "moved", "time")]
        for n in self.nodes:
            types = ", ".join(n.types)
            if n.kind != "operation":
                rows.append((f"  {n.name}: {n.kind}", types, "", "", ""))
                continue
            time = "" if n.seconds is None else duration(n.seconds)
            rows.append((f"  {n.name} = {n.call}", types, amount(n.flops, "flop"), amount(n.moved, "B"), time))
            rows += [(f"      {line}", "", "", "", "") for line in n.lines]
        shown = [y if type(y) is str else y[0] if y[1] == 0 else f"{y[0]}[{y[1]}]" for y in self.outputs]
        rows.append((f"  return {', '.join(shown)}", "", "", "", ""))
        columns = 5 if any(n.seconds is not None for n in self.nodes) else 4
        widths = [max(len(row[k]) for row in rows) for k in range(columns)]
        lines = []
        for row in rows:
            cells = [f"{row[k]:<{widths[k]}}" if k < 2 else f"{row[k]:>{widths[k]}}" for k in range(columns)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def edges(self):
        """Pairs of nodes, by number: what reads what, each pair once."""
        number = {n.name: k for k, n in enumerate(self.nodes)}
        pairs = [(number[a[0]], k) for k, n in enumerate(self.nodes) for a in n.args if type(a) is not str]
        return list(dict.fromkeys(pairs))

    def ends(self):
        """(number of the node, number of the output) for every output of the graph that a node makes."""
        number = {n.name: k for k, n in enumerate(self.nodes)}
        return [(number[y[0]], k) for k, y in enumerate(self.outputs) if type(y) is not str]

    def dot(self):
        """Graphviz's language."""
        shapes = {"input": "ellipse", "constant": "note", "operation": "box"}
        lines = [f"digraph {_quoted(self.name)} {{", '  node [fontname="Helvetica", fontsize=11];']
        for k, n in enumerate(self.nodes):
            lines.append(f"  n{k} [label={_quoted(n.title + chr(10) + ', '.join(n.types))}, shape={shapes[n.kind]}];")
        lines += [f"  n{a} -> n{b};" for a, b in self.edges()]
        for a, k in self.ends():
            lines += [f"  out{k} [label={_quoted(f'output {k}')}, shape=plaintext];", f"  n{a} -> out{k};"]
        return "\n".join([*lines, "}"])

    def mermaid(self):
        """A Mermaid flowchart, for Markdown pages."""
        around = {"input": '(["{}"])', "constant": '[/"{}"/]', "operation": '["{}"]'}
        lines = ["flowchart TD"]
        for k, n in enumerate(self.nodes):
            lines.append(f"  n{k}" + around[n.kind].format(_entities(n.title) + "<br/>" + ", ".join(n.types)))
        lines += [f"  n{a} --> n{b}" for a, b in self.edges()]
        lines += [f'  n{a} --> out{k}((" "))' for a, k in self.ends()]
        return "\n".join(lines)

    # -------------------------------------------------------------------------------- JSON
    def json(self):
        """JSON, which `Chart.from_json` reads; the format is described in the documentation."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "nodes": [asdict(n) for n in self.nodes],
            "outputs": self.outputs,
            "statistics": asdict(self.statistics()),
        }
        return json.dumps(document, indent=1)

    @classmethod
    def from_json(cls, text):
        """The chart that `json` has written.

        Raises
        ------
        GraphError
            If it is of another format or version, a field is missing or wrong, or it is no graph.
        """
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise GraphError(f"Chart.from_json: the format is {document['format']!r}, expected {FORMAT!r}")
            if document["version"] != VERSION:
                raise GraphError(f"Chart.from_json: version {document['version']!r}; this reads version {VERSION}")
            nodes = [
                ChartNode(
                    **n | {
                        "args": tuple(map(_source, n["args"])),
                        "outputs": tuple([(tuple(shape), str(dtype)) for shape, dtype in n["outputs"]]),
                        "lines": tuple(n["lines"]),
                    }
                )
                for n in document["nodes"]
            ]  # fmt: skip
            name, outputs = document["name"], tuple(map(_source, document["outputs"]))
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise GraphError(f"Chart.from_json: not the JSON of a graph: {type(error).__name__}: {error}") from error
        for n in nodes:
            if n.kind not in KINDS:
                raise GraphError(f"Chart.from_json: node {n.name!r} is of kind {n.kind!r}, not one of {KINDS}")
        return cls(name, nodes, outputs)

    # -------------------------------------------------------------------------------- pictures
    def svg(self):
        """A picture, in the colours of the reader's light or dark theme."""
        return draw(self)

    def html(self):
        """A page that needs nothing else: zoom, search, cost per node, what a node reads and who reads it."""
        return page(self)

    def _repr_svg_(self):
        return self.svg() if len(self.nodes) <= 300 else None

    def save(self, path):
        """Write to a file, in the form that its ending says: .txt, .dot, .mmd, .json, .svg or .html."""
        forms = {
            ".txt": self.text, ".dot": self.dot, ".mmd": self.mermaid, ".json": self.json, ".svg": self.svg,
            ".html": self.html,
        }  # fmt: skip
        path = Path(path)
        if path.suffix not in forms:
            raise ValueError(f"save: {str(path)!r} ends in {path.suffix!r}; give one of {', '.join(forms)}")
        path.write_text(forms[path.suffix](), encoding="utf-8")


def _known(known, a, who, nodes):
    """GraphError unless an argument is a number or an output of a node that is known."""
    if type(a) is str:
        return
    name, slot = a
    if name not in known:
        later = any(n.name == name for n in nodes)
        reason = "which is made later: the order is not one in which it can be run" if later else "which nobody makes"
        raise GraphError(f"{who} reads {name!r}, {reason}")
    if not 0 <= slot < known[name]:
        raise GraphError(f"{who} reads output {slot} of {name!r}, which has {known[name]}")


def _source(a):
    if isinstance(a, str):
        return a
    name, slot = a
    return str(name), int(slot)


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)


def _entities(text):
    return text.replace("&", "&amp;").replace('"', "#quot;").replace("<", "&lt;").replace(">", "&gt;")
