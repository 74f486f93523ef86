"""Graphs: a tape over Specs, printed, run, and differentiated."""

import numpy as np

from scirs_ad._core.core import Spec, Tape, Variable, as_array, bind, dtype_of, shape_of, spec_of, value_of
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad._transforms.chart import Chart, Drawable, fresh, input_node, operation_node
from scirs_ad._transforms.check import check_ops, checking
from scirs_ad._transforms.common import finish, name_of, pack_leaf
from scirs_ad._transforms.notation import letters, type_text

__all__ = ["Graph", "trace"]


class Graph(Drawable):
    """A recorded computation: inputs, nodes, outputs.

    Made by `trace`, or by hand: placeholders, operations on them, gradients, and `run`. It prints, and `statistics`,
    `text`, `dot`, `mermaid`, `json`, `svg`, `html` and `save` show it; `check` tests that it is a computation.

    Attributes
    ----------
    nodes : list
        In order; each with `primitive`, `params`, `inputs` and `out` (a Spec).

    Notes
    -----
    Derivative: a graph made by `trace` is a function again, and can be differentiated, batched and traced. `gradients`
    adds the derivative to the graph itself, so it can be differentiated to any order.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> g = ad.Graph()
    >>> x = g.placeholder("x")
    >>> y = 2 * x * x + 3 * x + 1
    >>> (dy,) = g.gradients([y], [x])
    >>> g.run(dy, {"x": 2.0})
    np.float64(11.0)
    """

    def __init__(self):
        self._tape = Tape(tracing=True)
        self._placeholders = {}  # name -> Variable
        self._inputs = []  # refs of the inputs of a traced graph, in order
        self._outputs = []
        self._in_structure = self._out_structure = None
        self.name = "graph"

    @property
    def nodes(self):
        return self._tape.nodes

    # -------------------------------------------------------------------------------- by hand
    def placeholder(self, name, shape=(), dtype=float):
        """A value to be fed by `run`.

        Parameters
        ----------
        name : str
            Placeholders of one name are one; shape and dtype must then agree.
        shape : tuple of int
        dtype : dtype

        Returns
        -------
        Variable

        Raises
        ------
        ValueError
            If there is one of this name with another shape or dtype.
        """
        spec = Spec(shape, dtype)
        if name in self._placeholders:
            known = spec_of(self._placeholders[name])
            if known != spec:
                raise ValueError(
                    f"Graph.placeholder: {name!r} exists with shape {known.shape} and dtype {known.dtype}; asked for "
                    f"{spec.shape} and {spec.dtype}"
                )
            return Variable(self._placeholders[name])
        self._tape.capture = _apply_by_hand
        made = self._tape.variable(spec)
        self._placeholders[name] = Variable(made)
        self._inputs.append(self._tape.index_of(made))
        return made

    def gradients(self, ys, xs, cotangents=None):
        """Gradients of (the sum of) outputs, as part of this graph.

        Parameters
        ----------
        ys : Variable or list of Variable
            Results of this graph; constants, as a gradient that is zero, have zero gradients.
        xs : Variable or list of Variable
            Placeholders or intermediate results of this graph.
        cotangents : list, optional
            One per output; ones unless given.

        Returns
        -------
        list of Variable
            One per entry of `xs`; zeros where there is no dependence.

        Raises
        ------
        ValueError
            If an entry belongs to another graph, or the number of cotangents does not fit.
        """
        ys = list(ys) if isinstance(ys, (list, tuple)) else [ys]
        xs = list(xs) if isinstance(xs, (list, tuple)) else [xs]
        for y in ys:
            if not is_constant(y):  # as the zeros that `gradients` itself returns
                self._own(y, "gradients: an entry of ys")
        for x in xs:
            self._own(x, "gradients: an entry of xs")
        if cotangents is None:
            cotangents = [np.ones(shape_of(y), dtype_of(y)) for y in ys]
        cotangents = list(cotangents) if isinstance(cotangents, (list, tuple)) else [cotangents]
        if len(cotangents) != len(ys):
            raise ValueError(f"Graph.gradients: {len(cotangents)} cotangent(s) for {len(ys)} output(s)")
        refs = [self._tape.ref_of(x) for x in xs]
        found = self._tape.pull_here(ys, [as_array(c) for c in cotangents], refs)
        return [np.zeros(shape_of(x), dtype_of(x)) if g is None else g for g, x in zip(found, xs, strict=True)]

    def _own(self, v, what):
        if not isinstance(v, Variable) or v.level is not self._tape:
            raise ValueError(f"Graph.{what} is not a Variable of this graph")

    def run(self, outputs, feeds=None):
        """Evaluate outputs.

        Parameters
        ----------
        outputs : Variable, or list of Variable
        feeds : dict, optional
            Values of placeholders, by name or by the placeholder itself.

        Returns
        -------
        ndarray, or list of ndarray
            A list if a list was asked for.

        Raises
        ------
        ValueError
            If a placeholder that is needed has no value (the message names it), a value has another shape, or an
            output belongs to another graph.
        """
        several = isinstance(outputs, (list, tuple))
        wanted = list(outputs) if several else [outputs]
        env = {}
        for key, value in (feeds or {}).items():
            if isinstance(key, Variable):
                self._own(key, "run: a feed")
                name = self._name_of(self._tape.index_of(key))
            else:
                name = key
            if name not in self._placeholders:
                raise ValueError(
                    f"Graph.run: there is no placeholder {name!r}; there are "
                    f"{', '.join(map(repr, self._placeholders)) or 'none'}"
                )
            spec = spec_of(self._placeholders[name])
            value = as_array(value)
            if shape_of(value) != spec.shape:
                raise ValueError(
                    f"Graph.run: the placeholder {name!r} has shape {spec.shape}, its value {shape_of(value)}"
                )
            if dtype_of(value) != spec.dtype:
                if not np.can_cast(dtype_of(value), spec.dtype, "same_kind"):
                    raise TypeError(
                        f"Graph.run: the placeholder {name!r} has dtype {spec.dtype}, its value {dtype_of(value)}"
                    )
                value = value.astype(spec.dtype)
            env[self._tape.index_of(self._placeholders[name])] = value
        for y in wanted:
            if isinstance(y, Variable) and y.level is not None:
                self._own(y, "run: an output")
        results = [finish(y) for y in self._evaluate(wanted, env)]
        return results if several else results[0]

    def _name_of(self, index):
        for name, v in self._placeholders.items():
            if self._tape.index_of(v) == index:
                return name
        raise ValueError("Graph.run: a feed is not a placeholder")

    def _evaluate(self, outputs, env):
        """Values of outputs, of the nodes that they need, in order."""
        tape, nodes = self._tape, self._tape.nodes
        needed, stack = set(), [tape.index_of(y) for y in outputs if tape.index_of(y) >= 0]
        while stack:
            i = stack.pop()
            if i in needed or i in env:
                continue
            needed.add(i)
            if nodes[i].primitive is None:
                if i in self._inputs and self._placeholders:
                    raise ValueError(f"Graph.run: the placeholder {self._name_of(i)!r} has no value; feed it")
            stack.extend(source[0] for source in nodes[i].inputs if source is not None)
        for i in sorted(needed):
            node = nodes[i]
            args = []
            for source, value in zip(node.inputs, node.args, strict=True):
                if source is None:
                    args.append(value)
                else:
                    found = env[source[0]]
                    args.append(found[source[1]] if isinstance(found, tuple) else found)
            env[i] = bind(node.primitive, tuple(args), node.params)
        results = []
        for y in outputs:
            i = tape.index_of(y)
            if i < 0:
                results.append(y)
                continue
            found = env[i]
            results.append(found[tape.slot_of(y)] if isinstance(found, tuple) else found)
        return results

    # -------------------------------------------------------------------------------- traced
    def __call__(self, *args):
        """Run on arguments of the structure and shapes that were traced."""
        if self._in_structure is None:
            raise TypeError("Graph: made by hand, so it has no arguments; use run")
        leaves, structure = flatten(args)
        if structure != self._in_structure:
            raise ValueError(f"{self.name}: called with {structure}, traced with {self._in_structure}")
        env = {}
        for index, x in zip(self._inputs, leaves, strict=True):
            spec = self.nodes[index].out
            x = as_array(x)
            if shape_of(x) != spec.shape or dtype_of(x) != spec.dtype:
                raise ValueError(
                    f"{self.name}: called with shape {shape_of(x)} and dtype {dtype_of(x)}, traced with "
                    f"{spec.shape} and {spec.dtype}"
                )
            env[index] = x
        return unflatten(self._out_structure, [finish(y) for y in self._evaluate(self._outputs, env)])

    # -------------------------------------------------------------------------------- shown
    def check(self):
        """Test that it is a computation: order, names, shapes and dtypes.

        Raises
        ------
        GraphError
            If a node reads what no earlier node makes, makes what is there already, or has a shape or dtype that is
            not that of its primitive; the message names the node.
        """
        names, ops, known = self._names(), [], {}
        for i, node in enumerate(self.nodes):
            if node.primitive is None:
                known[i, 0] = node.out
                continue
            out = node.out if isinstance(node.out, tuple) else (node.out,)
            arguments = [
                (None, value_of(x)) if source is None else source
                for source, x in zip(node.inputs, node.args, strict=True)
            ]
            results = [((i, k), s) for k, s in enumerate(out)]
            ops.append((names[i], node.primitive, node.params, arguments, results))
        ends = [(self._tape.index_of(y), self._tape.slot_of(y)) for y in self._outputs if self._tape.index_of(y) >= 0]
        check_ops(self.name, known, ops, ends)

    def chart(self):
        """This graph as plain data: a `Chart`."""
        names, nodes, arrays, ends = self._names(), [], {}, []
        taken = set(names.values())

        def constant(value):
            """A number as text, an array as a node of its own."""
            value = value_of(value)
            if np.ndim(value) == 0:
                return _constant(value)
            if id(value) not in arrays:
                arrays[id(value)] = fresh(f"c{len(arrays)}", taken), value  # the array too: its id stays its own
                nodes.append(input_node(arrays[id(value)][0], "constant", value))
            return arrays[id(value)][0], 0

        for i, node in enumerate(self.nodes):
            if node.primitive is None:
                nodes.append(input_node(names[i], "input" if i in self._inputs else "constant", node.out))
                continue
            args = [
                constant(x) if source is None else (names[source[0]], source[1])
                for source, x in zip(node.inputs, node.args, strict=True)
            ]
            ins = [
                spec_of(value_of(x)) if source is None else _output(self.nodes[source[0]].out, source[1])
                for source, x in zip(node.inputs, node.args, strict=True)
            ]
            out = node.out if isinstance(node.out, tuple) else (node.out,)
            nodes.append(operation_node(names[i], node.primitive, node.params, args, ins, out))
        for y in self._outputs:
            i = self._tape.index_of(y)
            ends.append((names[i], self._tape.slot_of(y)) if i >= 0 else constant(y))
        return Chart(self.name, nodes, ends)

    def _names(self):
        """Of each node: that of its placeholder, x0, x1 for inputs, else a, b, c."""
        names, taken = {}, set()
        placeholder = {self._tape.index_of(v): n for n, v in self._placeholders.items()}
        for k, index in enumerate(self._inputs):
            names[index] = fresh(placeholder.get(index, f"x{k}"), taken)
        count = 0
        for i, node in enumerate(self.nodes):
            if node.primitive is None:
                names.setdefault(i, f"c{i}")
            else:
                names[i] = fresh(letters(count), taken)
                count += 1
        return names

    def __len__(self):
        return sum(node.primitive is not None for node in self.nodes)

    def __str__(self):
        return self._text()

    def __repr__(self):
        return f"<Graph {self.name}: {len(self._inputs)} input(s), {len(self)} node(s), {len(self._outputs)} output(s)>"

    def _text(self):
        names = self._names()
        heads = [f"{names[index]}: {type_text(self.nodes[index].out)}" for index in self._inputs]
        rows = []
        for i, node in enumerate(self.nodes):
            if node.primitive is None:
                continue
            args = []
            for source, value in zip(node.inputs, node.args, strict=True):
                if source is None:
                    args.append(_constant(value))
                else:
                    several = isinstance(self.nodes[source[0]].out, tuple)
                    args.append(names[source[0]] + (f"[{source[1]}]" if several else ""))
            params = [f"{k}={_constant(v)}" for k, v in (node.params or {}).items()]
            out = node.out if isinstance(node.out, tuple) else (node.out,)
            rows.append(
                (
                    f"{names[i]} = {node.primitive.name}({', '.join(args + params)})",
                    ", ".join(type_text(o) for o in out),
                )
            )
        width = max((len(left) for left, _ in rows), default=0)
        lines = [f"{self.name}({', '.join(heads)}):"]
        lines += [f"  {left:<{width}}  {right}" for left, right in rows]
        if self._outputs:
            shown = []
            for y in self._outputs:
                i = self._tape.index_of(y)
                if i < 0:
                    shown.append(_constant(y))
                else:
                    several = isinstance(self.nodes[i].out, tuple)
                    shown.append(names[i] + (f"[{self._tape.slot_of(y)}]" if several else ""))
            lines.append(f"  return {', '.join(shown)}")
        return "\n".join(lines + self._bodies(names))

    def _bodies(self, names):
        """The functions that loops and choices apply, each below the name of its node."""
        lines = []
        for i, node in enumerate(self.nodes):
            for key, v in (node.params or {}).items():
                if hasattr(v, "out_specs"):
                    lines.append(f"  {names[i]}.{key} = {v!s}".replace("\n", "\n  "))
        return lines


def _apply_by_hand(tape, p, args, params):
    """Record an operation of a graph made by hand, whose Variables do not mix with those of another graph."""
    for a in args:
        other = a.level if isinstance(a, Variable) else None
        if isinstance(a, Spec) or (isinstance(other, Tape) and other.tracing and other is not tape):
            raise ValueError(f"{p.name}: Variables of two graphs do not mix; run one, and feed its result to the other")
    return tape.apply_here(p, args, params)


def is_constant(y):
    """Whether a value belongs to no level: an array or a number."""
    return y.level is None if isinstance(y, Variable) else isinstance(y, (np.ndarray, np.generic, int, float, complex))


def _output(out, slot):
    return out[slot] if isinstance(out, tuple) else out


def _constant(value):
    if isinstance(value, np.ndarray):
        return repr(value[()].item()) if value.ndim == 0 else type_text(value)
    return repr(value)


class trace:
    """Record a function without running it on numbers.

    Parameters
    ----------
    f : callable
        Of arrays or containers of arrays.

    Returns
    -------
    callable
        ``trace(f)(*args)`` returns a `Graph`; the arguments are arrays, whose shapes and dtypes are used, or Specs.

    Raises
    ------
    TracingError
        If the function needs a value, as in ``if x > 0``.

    Notes
    -----
    Derivative: the graph is a function. Cost: one Python run of `f` on shapes.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> print(ad.trace(lambda x: np.sin(x) * 2.0)(1.0))
    <lambda>(x0: f64[]):
      a = sin(x0)           f64[]
      b = multiply(a, 2.0)  f64[]
      return b
    """

    def __init__(self, f):
        if not callable(f):
            raise TypeError(f"trace: the first argument must be a function, not {f!r}")
        self.function = f
        self.__wrapped__ = f
        self.__name__ = f"trace({name_of(f)})"

    def __call__(self, *args):
        graph = Graph()
        graph.name = name_of(self.function)
        leaves, graph._in_structure = flatten(args)
        tape = graph._tape
        variables = [tape.variable(spec_of(as_array(x))) for x in leaves]
        graph._inputs = [tape.index_of(v) for v in variables]
        outs, graph._out_structure = flatten(self.function(*unflatten(graph._in_structure, variables)))
        graph._outputs = [Variable(y) if isinstance(y, Variable) else as_array(y) for y in map(pack_leaf, outs)]
        if checking():
            graph.check()
        return graph
