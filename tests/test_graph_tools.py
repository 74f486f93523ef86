"""What shows, counts and checks graphs: every form of every kind of graph, and graphs that are none."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import scirs_ad as ad
from scirs_ad._compiler.body import Body
from scirs_ad._compiler.fuse import FusedGraph, Region, fuse
from scirs_ad._compiler.graph import FlatGraph, Op
from scirs_ad._transforms.layout import layered, ranks

ELSEWHERE = Path(sys.executable).parent
W = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


def model(x, b):
    h = np.tanh(x @ W + b)
    q, r = np.linalg.qr(h.T @ h + np.eye(4))
    return np.sum(q) + np.sum(r[1:] * 2.0)


def looped(x):
    return np.sum(ad.scan(lambda c, _: (np.sin(c) * 2.0, c), x, length=5)[0])


def by_hand():
    g = ad.Graph()
    a, b = g.placeholder("a", (3,)), g.placeholder("b <&> \"'", ())
    g.gradients([np.sum(np.sin(a) * b)], [a])
    return g


def graphs():
    x, b = ad.Spec((5, 3)), ad.Spec((4,))
    yield ad.trace(model)(x, b)
    yield ad.trace(ad.grad(model, argnums=(0, 1)))(x, b)
    yield ad.trace(ad.grad(looped))(ad.Spec((3,)))
    yield ad.trace(lambda x: (x, 2.0, np.ones(3)))(ad.Spec(()))
    yield by_hand()
    for f, specs in ((ad.grad(model), (x, b)), (ad.value_and_grad(looped), (ad.Spec((3,)),))):
        lowered = ad.compile(f).lower(*specs)
        yield from (lowered.traced, lowered.rebuilt, lowered.fused)


GRAPHS = list(graphs())
each = pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: f"{type(g).__name__}-{g.chart().name}")


# ------------------------------------------------------------------------------------------------ forms
@each
def test_every_graph_is_a_computation(graph):
    graph.check()
    graph.chart().check()


@each
def test_json_comes_back(graph):
    chart = graph.chart()
    again = ad.Chart.from_json(graph.json())
    assert again == chart
    assert again.json() == graph.json()
    assert again.svg() == graph.svg()
    document = json.loads(graph.json())
    assert (document["format"], document["version"]) == ("scirs_ad.graph", 1)
    assert document["statistics"]["nodes"] == len(chart)


@each
def test_text_has_a_line_for_each_node(graph):
    lines = graph.text().splitlines()
    for node in graph.chart().nodes:
        start = f"  {node.name} = {node.primitive}(" if node.kind == "operation" else f"  {node.name}: {node.kind}"
        assert sum(line.startswith(start) for line in lines) == 1


@each
def test_dot_and_mermaid_have_every_node_and_edge(graph):
    chart = graph.chart()
    pairs = set(chart.edges())
    dot, mermaid = graph.dot(), graph.mermaid()
    assert {(int(a), int(b)) for a, b in re.findall(r"^  n(\d+) -> n(\d+);$", dot, re.M)} == pairs
    assert {(int(a), int(b)) for a, b in re.findall(r"^  n(\d+) --> n(\d+)$", mermaid, re.M)} == pairs
    for text, form in ((dot, r'^  n(\d+) \[label="(?:[^"\\]|\\.)*", shape=\w+\];$'), (mermaid, r"^  n(\d+)[\[(]")):
        assert [int(k) for k in re.findall(form, text, re.M)] == list(range(len(chart.nodes)))


@each
def test_pictures_hold_every_node_and_edge_once(graph):
    chart = graph.chart()
    root = ElementTree.fromstring(graph.svg())
    groups = [g for g in root.iter("{http://www.w3.org/2000/svg}g") if "data-n" in g.attrib]
    assert [int(g.get("data-n")) for g in groups] == list(range(len(chart.nodes)))
    drawn = [g for g in root.iter("{http://www.w3.org/2000/svg}g") if "data-a" in g.attrib]
    assert len(drawn) == len(chart.edges()) + len(chart.ends())
    left, top, width, height = map(float, root.get("viewBox").split())
    assert (left, top) == (0, 0)
    for g in groups:
        box = next(g.iter("{http://www.w3.org/2000/svg}rect"))
        assert 0 <= float(box.get("x")) <= float(box.get("x")) + float(box.get("width")) <= width
        assert 0 <= float(box.get("y")) <= float(box.get("y")) + float(box.get("height")) <= height


@each
def test_pages_need_nothing_else(graph):
    html = graph.html()
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://(?!www\.w3\.org)|fetch\(|@[A-Z]+@", html)
    (data,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', html, re.S)
    nodes = json.loads(data.replace("<\\/", "</"))["nodes"]
    assert [n["name"] for n in nodes] == [n.name for n in graph.chart().nodes]
    assert "prefers-color-scheme: dark" in html


def test_names_cannot_leave_their_place_in_a_page():
    g = ad.Graph()
    x = g.placeholder("</script><b>@DATA@", (2,))
    np.sin(x)
    html = g.html()
    assert "</script><b>" not in html
    ElementTree.fromstring(g.svg())
    assert html.count("<script") == 2


def test_files(tmp_path):
    graph = GRAPHS[0]
    forms = {"txt": graph.text, "dot": graph.dot, "mmd": graph.mermaid, "json": graph.json, "svg": graph.svg,
             "html": graph.html}  # fmt: skip
    for ending, form in forms.items():
        graph.save(tmp_path / f"g.{ending}")
        assert (tmp_path / f"g.{ending}").read_text(encoding="utf-8") == form()
    with pytest.raises(ValueError, match=r"\.png"):
        graph.save(tmp_path / "g.png")


# ------------------------------------------------------------------------------------------------ counting
def test_statistics():
    s = ad.trace(lambda x, w: np.sum(np.sin(x @ w) + np.cos(x @ w)))(ad.Spec((5, 3)), ad.Spec((3, 4))).statistics()
    assert s.primitives == {"matmul_core": 2, "sin": 1, "cos": 1, "add": 1, "sum_axes": 1}
    assert (s.nodes, s.inputs, s.outputs, s.constants) == (6, 2, 1, 0)
    assert (s.depth, s.width) == (4, 2)
    assert s.flops == 2 * (2 * 5 * 3 * 4) + 4 * 20
    assert s.moved == 8 * (2 * (15 + 12 + 20) + 2 * (20 + 20) + 60 + 21)
    assert s.largest == 160
    constant = ad.trace(lambda x: x @ W)(ad.Spec((2, 3))).statistics()
    assert (constant.constants, constant.constant_bytes) == (1, W.nbytes)
    assert "6 (depth 4, width 2)" in str(s)


def test_views_cost_nothing():
    chart = ad.trace(lambda x: x.T.reshape(-1)[::2])(ad.Spec((4, 6))).chart()
    assert chart.statistics().flops == chart.statistics().moved == 0
    assert {n.family for n in chart.nodes if n.kind == "operation"} == {"view"}
    picked = ad.trace(lambda x: x[np.array([0, 2])])(ad.Spec((4,))).chart()
    assert picked.statistics().moved > 0


def test_a_loop_costs_its_steps():
    one, five = (
        ad.trace(lambda x, n=n: ad.scan(lambda c, _: (np.sin(c) * 2.0, None), x, length=n)[0])(ad.Spec((7,)))
        for n in (1, 5)
    )
    assert five.statistics().flops == 5 * one.statistics().flops == 5 * 14


# ------------------------------------------------------------------------------------------------ layout
def test_layout_of_random_graphs():
    rng = np.random.default_rng(0)
    for n in (1, 2, 40, 300):
        edges = sorted({(int(rng.integers(max(0, b - 9), b)), b) for b in range(1, n) for _ in range(2)})
        sizes = [(float(w), 40.0) for w in rng.uniform(30, 150, n)]
        found = layered(sizes, edges)
        rank = ranks(n, edges)
        assert all(rank[a] < rank[b] for a, b in edges)
        assert all(found.center[a][1] + 40 < found.center[b][1] for a, b in edges)
        rows = {}
        for (x, y), (w, _) in zip(found.center, sizes, strict=True):
            assert -1e-6 <= x - w / 2 <= x + w / 2 <= found.width + 1e-6
            rows.setdefault(y, []).append((x - w / 2, x + w / 2))
        for row in rows.values():
            row.sort()
            assert all(a[1] < b[0] for a, b in zip(row, row[1:], strict=False)), "two nodes overlap"
        assert set(found.paths) == set(edges)


def test_too_long_edges_are_marks():
    """A chain whose first node everybody reads would need a square number of pieces."""
    n = 400
    edges = [(k, k + 1) for k in range(n)] + [(k, n) for k in range(n - 1)]
    found = layered([(40.0, 40.0)] * (n + 1), edges)
    assert {(k, k + 1) for k in range(n)} <= set(found.paths) < set(edges)

    def f(x):
        kept = [x]
        for _ in range(250):
            kept.append(np.sin(kept[-1]))
        return sum(reversed(kept))

    assert "↑" in ad.trace(f)(ad.Spec((3,))).svg()


# ------------------------------------------------------------------------------------------------ checks
def flat():
    return Body(lambda x, y: np.sum(np.sin(x) * y), [ad.Spec((3,)), ad.Spec((3,))], "f").trace.graph


def broken(change):
    g = flat()
    parts = {"specs": list(g.specs), "constants": dict(g.constants), "ops": list(g.ops), "inputs": g.inputs,
             "outputs": g.outputs}  # fmt: skip
    change(parts)
    return FlatGraph("f", **parts)


def replaced(k, **fields):
    def change(parts):
        old = parts["ops"][k]
        kept = {name: getattr(old, name) for name in ("primitive", "params", "inputs", "outputs")}
        parts["ops"][k] = Op(**{**kept, **fields})

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda g: g["ops"].reverse(), r"f: a = sum_axes.*argument 0 is the result of b, which comes later"),
        (lambda g: g["ops"].pop(0), r"multiply.*argument 0 is value 2, which nothing makes"),
        (lambda g: g["ops"].insert(1, g["ops"][0]), r"b = sin.*result 0 is value 2, which is there already"),
        (lambda g: g.update(outputs=(77,)), r"output 0 is value 77, which nothing makes"),
        (replaced(0, inputs=(99,)), r"a = sin.*value 99, which nothing makes"),
        (lambda g: g["specs"].__setitem__(2, ad.Spec((4,))), r"a = sin.*f64\[4\] in the graph.*is f64\[3\]"),
        (lambda g: g["specs"].__setitem__(2, ad.Spec((3,), np.float32)), r"sin.*f32\[3\] in the graph.*f64\[3\]"),
        (lambda g: g["specs"].__setitem__(4, ad.Spec((1,))), r"c = sum_axes.*f64\[1\].*sum_axes of f64\[3\]"),
        (replaced(0, outputs=(2, 3)), r"a = sin.*2 result\(s\) in the graph, sin has 1"),
    ],
)  # fmt: skip
def test_what_is_no_graph_is_refused_by_name(change, match):
    flat().check()
    with pytest.raises(ad.GraphError, match=match):
        broken(change).check()


def test_regions_are_checked():
    def changed(change):
        fused = fuse(flat())
        (region,) = fused.steps
        made = Region(list(region.ops), list(region.folds), list(region.scatters), region.shape)
        made.inputs, made.outputs = region.inputs, region.outputs
        change(made)
        return FusedGraph(fused.graph, [made])

    changed(lambda r: None).check()
    with pytest.raises(ad.GraphError, match=r"region 0: sin reads value 0, which is not among its inputs"):
        changed(lambda r: setattr(r, "inputs", r.inputs[1:])).check()
    with pytest.raises(ad.GraphError, match=r"region 0: output 55 is not made by it"):
        changed(lambda r: setattr(r, "outputs", (55,))).check()
    with pytest.raises(ad.GraphError, match=r"region 0: sin is over \(3,\), not \(4,\)"):
        changed(lambda r: setattr(r, "shape", (4,))).check()


def test_what_steps_read_is_stored():
    graph = Body(lambda x: np.cumsum(np.sin(x)), [ad.Spec((3,))], "f").trace.graph
    fused = fuse(graph)
    fused.check()
    fused.steps[0].outputs = ()
    with pytest.raises(ad.GraphError, match=r"f: step 1 reads value 1, which region 0 does not store"):
        fused.check()


def test_bodies_are_checked():
    graph = ad.trace(looped)(ad.Spec((3,)))
    graph.check()
    (node,) = [n for n in graph.nodes if n.primitive is not None and n.primitive.name == "scan_call"]
    body = node.params["body"]
    outputs, body.outputs = body.outputs, (987, *body.outputs[1:])
    try:
        with pytest.raises(ad.GraphError, match=r"\.body: output 0 is value 987, which nothing makes"):
            graph.check()
    finally:
        body.outputs = outputs


def test_charts_are_checked():
    chart = GRAPHS[0].chart()
    document = json.loads(chart.json())
    for change, match in (
        (lambda d: d["nodes"].reverse(), "made later"),
        (lambda d: d["nodes"].append(d["nodes"][0]), "two nodes are named 'x0'"),
        (lambda d: d["outputs"].append(["nobody", 0]), "output 1 reads 'nobody', which nobody makes"),
        (lambda d: d["outputs"].append(["x0", 3]), "reads output 3 of 'x0', which has 1"),
        (lambda d: d.update(version=2), "version 2"),
        (lambda d: d.update(format="other"), "'other'"),
        (lambda d: d["nodes"][0].pop("kind"), "KeyError|TypeError"),
        (lambda d: d["nodes"][0].update(kind="thing"), "'thing'"),
        (lambda d: d.pop("outputs"), "KeyError: 'outputs'"),
    ):
        changed = json.loads(json.dumps(document))
        change(changed)
        with pytest.raises(ad.GraphError, match=match):
            ad.Chart.from_json(json.dumps(changed))
    with pytest.raises(ad.GraphError, match="not the JSON of a graph"):
        ad.Chart.from_json("{")


def test_the_compiler_checks_its_graphs_when_asked(monkeypatch):
    calls = []
    f = ad.compile(lambda x: np.cumsum(x))
    monkeypatch.setattr(FlatGraph, "check", lambda self: calls.append(self.name))
    monkeypatch.delenv("SCIRS_AD_CHECK", raising=False)
    f.lower(ad.Spec((3,)))
    assert not calls
    monkeypatch.setenv("SCIRS_AD_CHECK", "1")
    f.lower(ad.Spec((4,)))
    assert calls == ["<lambda>"] * 3  # traced, rebuilt, fused


def test_a_wrong_shape_rule_is_found():
    script = """
import numpy as np
import scirs_ad as ad
shapes = iter([(3,), (5,)])
@ad.primitive("(n)->(n)", differentiable=False)
def odd(x):
    return x * 1.0
odd.def_shape(lambda x: ad.Spec(next(shapes), float))
try:
    ad.trace(lambda x: odd(x))(np.ones(3))
except ad.GraphError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ELSEWHERE, env={"SCIRS_AD_CHECK": "1"},
        check=False,
    )  # fmt: skip
    assert "a = odd(...): the result is f64[3] in the graph; odd of f64[3] is f64[5]" in done.stdout, done.stderr
