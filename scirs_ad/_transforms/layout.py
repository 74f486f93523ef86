"""Layered drawings of graphs: which layer and which place every node has, and where edges run.

In four steps: layers by the longest path, with everything as near to its readers as they allow; long edges
cut into pieces of one layer, those from one node sharing their pieces; an order within each layer with few crossings
by the barycentre method (Sugiyama, Tagawa and Toda 1981); coordinates by the median of four alignments (Brandes and
Koepf 2001), which draws long edges straight.
"""

from bisect import bisect_left

__all__ = ["layered"]

GAP, THIN = 26.0, 13.0  # between two nodes; between lines
LAYER = 46.0  # between two layers
MOST_PIECES = 20_000  # of long edges; a graph that would have more shows its longest edges as marks
SWEEPS, RELAXATIONS = 12, 60
WIDE = 2000.0  # a wider drawing may bend long edges where they meet nodes


class Layout:
    """Where things are.

    Attributes
    ----------
    width, height : float
    center : list of (float, float)
        Of each node: the middle of its upper side.
    paths : dict
        (from, to) -> points, in pairs that are joined by curves; no entry for edges that are shown as marks.
    """

    def __init__(self, width, height, center, paths):
        self.width, self.height, self.center, self.paths = width, height, center, paths


def layered(sizes, edges):
    """Places of nodes and edges.

    Parameters
    ----------
    sizes : list of (width, height)
    edges : list of (int, int)
        From a lower number to a higher one.
    """
    rank = ranks(len(sizes), edges)
    kept = _short(rank, edges)
    vertices, layers, up, trunk = _pieces(rank, kept, sizes)
    _order(layers, up, len(vertices))
    x = _coordinates(layers, up, vertices, len(sizes))
    if max(x, default=0.0) - min(x, default=0.0) > WIDE:
        bent = _coordinates(layers, up, vertices, len(sizes), bent=True)
        x = min(x, bent, key=lambda x: max(x) - min(x))
    heights = [max([sizes[v][1] for v in layer if v < len(sizes)], default=0.0) for layer in layers]
    tops, y = [], 0.0
    for h in heights:
        tops.append(y)
        y += h + LAYER
    left = min([x[v] - vertices[v] / 2 for v in range(len(vertices))], default=0.0)
    right = max([x[v] + vertices[v] / 2 for v in range(len(vertices))], default=0.0)
    x = [value - left for value in x]
    center = [(x[v], tops[rank[v]] + (heights[rank[v]] - sizes[v][1]) / 2) for v in range(len(sizes))]
    ports = _ports(kept, trunk, rank, x, sizes)
    paths = {}
    for a, b in kept:
        points = [(x[a], center[a][1] + sizes[a][1])]
        for r in range(rank[a] + 1, rank[b]):
            piece = x[trunk[a, r]]
            points += [(piece, tops[r]), (piece, tops[r] + heights[r])]
        points.append((x[b] + ports[a, b], center[b][1]))
        paths[a, b] = points
    return Layout(right - left, max(y - LAYER, 0.0), center, paths)


def ranks(n, edges):
    """The layer of each node: as near to its readers as they allow.

    What nobody reads stands below the longest path to it. So what the backward part of a gradient needs of the
    forward part is drawn where it is needed, and one long line leads there.
    """
    rank = [0] * n
    readers = [[] for _ in range(n)]
    for a, b in sorted(edges, key=lambda e: e[1]):
        rank[b] = max(rank[b], rank[a] + 1)
        readers[a].append(b)
    for v in range(n - 1, -1, -1):
        if readers[v]:
            rank[v] = min([rank[b] for b in readers[v]]) - 1
    used = {r: k for k, r in enumerate(sorted(set(rank)))}
    return [used[r] for r in rank]


def _short(rank, edges):
    """The edges that are drawn as lines: all, or the shorter ones where all would have too many pieces."""
    if sum([rank[b] - rank[a] for a, b in edges]) <= MOST_PIECES:
        return edges
    left, kept = MOST_PIECES, set()
    for a, b in sorted(edges, key=lambda e: rank[e[1]] - rank[e[0]]):
        left -= rank[b] - rank[a]
        if left < 0:
            break
        kept.add((a, b))
    return [e for e in edges if e in kept]


def _pieces(rank, edges, sizes):
    """Widths of nodes and of the pieces of long edges, layers, for each its neighbours above, and the pieces by place."""
    widths = [w for w, _ in sizes]
    layers = [[] for _ in range(max(rank, default=-1) + 1)]
    for v, r in enumerate(rank):
        layers[r].append(v)
    up = [[] for _ in sizes]
    trunk = {}
    for a, b in sorted(edges, key=lambda e: rank[e[1]]):
        above = a
        for r in range(rank[a] + 1, rank[b]):
            if (a, r) not in trunk:
                trunk[a, r] = len(widths)
                layers[r].append(len(widths))
                widths.append(1.0)
                up.append([above])
            above = trunk[a, r]
        up[b].append(above)
    return widths, layers, up, trunk


def _ports(edges, trunk, rank, x, sizes):
    """Where each edge meets the upper side of its node, from the middle: in the order in which they come."""
    reads = {}
    for a, b in edges:
        above = a if rank[b] - rank[a] == 1 else trunk[a, rank[b] - 1]
        reads.setdefault(b, []).append((x[above], a))
    found = {}
    for b, sources in reads.items():
        step = min(18.0, (sizes[b][0] - 24) / max(len(sources), 1))
        for k, (_, a) in enumerate(sorted(sources)):
            found[a, b] = (k - (len(sources) - 1) / 2) * step
    return found


# ------------------------------------------------------------------------------------------------ order
def _order(layers, up, n):
    """Order each layer by the mean place of neighbours, down and up in turns; the order of the fewest crossings stays."""
    down = [[] for _ in range(n)]
    for v, above in enumerate(up):
        for a in above:
            down[a].append(v)
    place = [0.0] * n

    def settle():
        for layer in layers:
            for k, v in enumerate(layer):
                place[v] = k

    settle()
    best, fewest = [list(layer) for layer in layers], _crossings(layers, up, place)
    for sweep in range(SWEEPS if n < 4000 else 3):
        if not fewest:
            break
        order, sides = (layers, up) if sweep % 2 == 0 else (layers[::-1], down)
        for layer in order:
            mean = {v: sum([place[a] for a in sides[v]]) / len(sides[v]) if sides[v] else place[v] for v in layer}
            layer.sort(key=mean.__getitem__)
            for k, v in enumerate(layer):
                place[v] = k
        found = _crossings(layers, up, place)
        if found < fewest:
            best, fewest = [list(layer) for layer in layers], found
    for layer, kept in zip(layers, best, strict=True):
        layer[:] = kept


def _crossings(layers, up, place):
    """How many pairs of lines cross: inversions, counted with a tree of sums."""
    total = 0
    for layer in layers:
        ends = [place[a] for v in layer for a in sorted(up[v], key=place.__getitem__)]
        if not ends:
            continue
        ranked = sorted(set(ends))
        tree = [0] * (len(ranked) + 1)
        for count, end in enumerate(ends):
            k, below = bisect_left(ranked, end) + 1, 0
            i = k
            while i:
                below += tree[i]
                i &= i - 1
            total += count - below
            while k < len(tree):
                tree[k] += 1
                k += k & -k
    return total


# ------------------------------------------------------------------------------------------------ coordinates
def _coordinates(layers, up, widths, real, bent=False):
    """The median of four placings, each with aligned vertices as far to one side as they go.

    `bent`: long edges need not be in one line with the nodes at their ends, so they can be packed.
    """
    n = len(widths)
    place, rank = [0] * n, [0] * n
    for r, layer in enumerate(layers):
        for k, v in enumerate(layer):
            place[v], rank[v] = k, r
    down = [[] for _ in range(n)]
    for v, above in enumerate(up):
        for a in above:
            down[a].append(v)
    barred = _conflicts(layers, up, place, real)
    placings = []
    for vertical in (0, 1):
        order, sides = (layers, up) if vertical == 0 else (layers[::-1], down)
        for side in (1, -1):
            root = _aligned(order, sides, place, barred, side, real if bent else 0)
            x = _compact(layers, root, widths, real, side)
            placings.append(x)
    spans = [max(x, default=0) - min(x, default=0) for x in placings]
    narrow = spans.index(min(spans))
    low, high = min(placings[narrow], default=0), max(placings[narrow], default=0)
    for k, x in enumerate(placings):
        shift = low - min(x, default=0) if k % 2 == 0 else high - max(x, default=0)
        placings[k] = [value + shift for value in x]
    found = []
    for values in zip(*placings, strict=True):
        _, b, c, _ = sorted(values)
        found.append((b + c) / 2)
    root = _aligned(layers, up, place, barred, 1, real if bent else 0)
    _relax(found, layers, [a + b for a, b in zip(up, down, strict=True)], widths, real, root)
    return found


def _apart(a, b, widths, real):
    """The least distance of the middles of two vertices of a layer."""
    return (widths[a] + widths[b]) / 2 + (GAP if a < real or b < real else THIN)


def _relax(x, layers, near, widths, real, root):
    """Move columns towards what they are joined to, as far as there is room."""
    columns, left, right = {}, {}, {}
    for v, r in enumerate(root):
        columns.setdefault(r, []).append(v)
    for layer in layers:
        for a, b in zip(layer, layer[1:], strict=False):
            right[a] = left[b] = a, b, _apart(a, b, widths, real)
    pulls = {r: [(u, v) for v in column for u in near[v] if root[u] != r] for r, column in columns.items()}
    for sweep in range(RELAXATIONS if len(x) < 2000 else 8):
        order = sorted(columns, key=x.__getitem__, reverse=sweep % 2 == 0)
        for r in order:
            pull, column = pulls[r], columns[r]
            if not pull:
                continue
            wish = sum([x[u] - x[v] for u, v in pull]) / len(pull)
            if wish < 0:
                room = min([x[v] - x[left[v][0]] - left[v][2] for v in column if v in left], default=1e9)
                step = -min(-wish, max(room, 0.0))
            else:
                room = min([x[right[v][1]] - x[v] - right[v][2] for v in column if v in right], default=1e9)
                step = min(wish, max(room, 0.0))
            for v in column:
                x[v] += step


def _conflicts(layers, up, place, real):
    """Lines that cross a piece of a long edge: the long edge is the one that is drawn straight."""
    barred = set()
    for layer in layers:
        inner = []  # (place above, place) of pieces of long edges in this layer
        for k, v in enumerate(layer):
            if v >= real and up[v][0] >= real:
                inner.append((place[up[v][0]], k))
        if not inner:
            continue
        rest = [1 << 60]  # the least place above of those from here on
        for above, _ in reversed(inner):
            rest.append(min(above, rest[-1]))
        rest.reverse()
        left, i = -1, 0
        for k, v in enumerate(layer):
            while i < len(inner) and inner[i][1] < k:
                left = max(left, inner[i][0])
                i += 1
            right = rest[i]
            for a in up[v]:
                if not (v >= real and a >= real) and not (left <= place[a] <= right):
                    barred.add((a, v))
    return barred


def _aligned(order, sides, place, barred, side, real):
    """For each vertex the first of the column that it is in: it stands below the median of its neighbours.

    Vertices below `real` are not in one column with those above it.
    """
    n = len(sides)
    root, align = list(range(n)), list(range(n))
    for layer in order:
        last = -1 if side == 1 else 1 << 60
        for v in layer if side == 1 else reversed(layer):
            near = sorted(sides[v], key=place.__getitem__)
            if not near:
                continue
            middle = (len(near) - 1) // 2, len(near) // 2
            for m in dict.fromkeys(middle if side == 1 else middle[::-1]):
                u = near[m]
                free = last < place[u] if side == 1 else last > place[u]
                free = free and (u < real) == (v < real)
                if align[v] == v and free and (u, v) not in barred and (v, u) not in barred:
                    align[u] = v
                    root[v] = root[u]
                    align[v] = root[v]
                    last = place[u]
    return root


def _compact(layers, root, widths, real, side):
    """Coordinates where columns of aligned vertices are as near to each other as widths allow."""
    after, before = {}, {}  # of a column, those to the right of it: column -> least distance; and to the left
    for layer in layers:
        for a, b in zip(layer, layer[1:], strict=False):
            u, v = root[a], root[b]
            d = _apart(a, b, widths, real)
            if after.setdefault(u, {}).get(v, 0.0) < d:
                after[u][v] = d
                before.setdefault(v, {})[u] = d
    columns = list(dict.fromkeys(root))
    if side == -1:
        after, before = before, after
    waiting = {c: len(before.get(c, ())) for c in columns}
    order = [c for c in columns if not waiting[c]]
    at = {}
    for c in order:
        at[c] = max([at[b] + d for b, d in before.get(c, {}).items()], default=0.0)
        for b in after.get(c, ()):
            waiting[b] -= 1
            if not waiting[b]:
                order.append(b)
    for c in reversed(order):  # close gaps: as near to what comes after as that allows
        if after.get(c):
            at[c] = max(at[c], min([at[b] - d for b, d in after[c].items()]))
    return [side * at[r] for r in root]
