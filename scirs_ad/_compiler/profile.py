"""What a call of a compiled function costs, step by step, measured: a table, a chart, a Chrome trace."""

import json
from pathlib import Path

from scirs_ad._transforms.chart import Drawable
from scirs_ad._transforms.notation import amount, duration

__all__ = ["Profile", "measured"]


class Row:
    """One step of a program.

    Attributes
    ----------
    name : str
        As in ``lower(...).fused``.
    call : str
        What it does.
    seconds : float
        The shortest of the runs.
    flops, moved : int
        Operations on numbers; bytes read and written.
    live : int
        Bytes that are in use while it runs.
    repeated : bool
        Whether it computes something a second time, because that needs less memory than keeping it.
    """

    def __init__(self, node, seconds, live, repeated):
        self.name, self.call, self.lines = node.name, node.call, node.lines
        self.flops, self.moved = node.flops, node.moved
        self.seconds, self.live, self.repeated = seconds, live, repeated

    def __repr__(self):
        return f"<{self.name} = {self.call}: {duration(self.seconds)}>"


class Profile(Drawable):
    """What a call of a compiled function costs. It prints as a table, the slowest step first.

    Attributes
    ----------
    rows : list of Row
        In the order in which they run; each with `name`, `call`, `seconds`, `flops`, `moved`, `live`, `repeated`.
    seconds : float
        Of all rows.
    peak_memory : int
        Bytes that a call allocates: the arena, results, and results of kernels of other libraries.
    recomputations : int
        Functions that checkpoints run again, and steps that the memory limit does.
    bytes_saved : int
        By how much checkpoints and the memory limit make the arena smaller.

    Notes
    -----
    `chart`, `text`, `json`, `svg`, `html` show the graph with the times; `chrome_trace` is for
    ``chrome://tracing`` and Perfetto. ``save("run.trace.json")`` writes it, ``save("run.html")`` the page.
    """

    def __init__(self, plan, times, recomputations, saved):
        """`times`: for each run the seconds of every instruction, in order."""
        self._plan, self._times = plan, times
        self.peak_memory, self.recomputations, self.bytes_saved = plan.peak, recomputations, saved
        n = len(plan.fused)
        self._steps = [0.0] * (n + 1)
        live = [0] * (n + 1)
        best = [min(column) for column in zip(*times, strict=True)]
        for k, step in enumerate(plan.sources):
            self._steps[step] += best[k]
            live[step] = max(live[step], plan.live[k])
        nodes = [node for node in plan.fused.chart().nodes if node.kind == "operation"]
        self.rows = [
            Row(node, seconds, bytes_, k in plan.repeated)
            for k, (node, seconds, bytes_) in enumerate(zip(nodes, self._steps, live, strict=False))
        ]
        self.seconds = sum(best)

    def chart(self):
        """The fused graph with the time of each step: a `Chart`."""
        return self._plan.fused.chart(self._steps)

    def __repr__(self):
        return f"<Profile: {len(self.rows)} step(s), {duration(self.seconds)}, {amount(self.peak_memory, 'B')}>"

    def __str__(self):
        lines = [
            f"{duration(self.seconds)}, {amount(self.peak_memory, 'B')} of memory"
            + (f", {self.recomputations} recomputation(s)" if self.recomputations else "")
        ]
        head = ("share", "time", "work", "moved", "in use", "step")
        rows = [head]
        for row in sorted(self.rows, key=lambda row: -row.seconds):
            if row.seconds:
                rows.append(
                    (
                        f"{100 * row.seconds / (self.seconds or 1):.1f} %", duration(row.seconds),
                        amount(row.flops, "flop"), amount(row.moved, "B"), amount(row.live, "B"),
                        f"{row.name} = {row.call}{' (computed again)' if row.repeated else ''}",
                    )
                )  # fmt: skip
        widths = [max(len(row[k]) for row in rows) for k in range(5)]
        lines += ["  ".join([*(f"{row[k]:>{widths[k]}}" for k in range(5)), row[5]]) for row in rows]
        return "\n".join(lines)

    def chrome_trace(self):
        """The fastest run as JSON in the trace event format: steps as slices, bytes in use as a counter.

        Returns
        -------
        str
        """
        plan = self._plan
        run = min(self._times, key=sum)
        name = plan.fused.graph.name
        events = [
            {"ph": "M", "pid": 1, "tid": 1, "name": "process_name", "args": {"name": f"compile({name})"}},
            {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": "steps"}},
        ]
        now = 0.0
        for k, seconds in enumerate(run):
            step = plan.sources[k]
            row = self.rows[step] if step < len(self.rows) else None
            args = {"instruction": k}
            if row is not None:
                args |= {"step": f"{row.name} = {row.call}", "flops": row.flops, "moved": row.moved}
                if row.lines:
                    args["operations"] = list(row.lines)
            events.append({"ph": "C", "pid": 1, "tid": 1, "name": "memory", "ts": now, "args": {"bytes": plan.live[k]}})
            events.append(
                {
                    "ph": "X", "pid": 1, "tid": 1, "ts": now, "dur": seconds * 1e6, "args": args,
                    "name": "copy of a result" if row is None else row.call.partition("(")[0],
                    "cat": "again" if row is not None and row.repeated else "step",
                }
            )  # fmt: skip
            now += seconds * 1e6
        events.append({"ph": "C", "pid": 1, "tid": 1, "name": "memory", "ts": now, "args": {"bytes": 0}})
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ns"})

    def save(self, path):
        """Write to a file: .trace.json for Chrome and Perfetto; else as a graph, .txt, .dot, .mmd, .json, .svg, .html."""
        if Path(path).suffixes[-2:] == [".trace", ".json"]:
            Path(path).write_text(self.chrome_trace(), encoding="utf-8")
        else:
            super().save(path)


def measured(plan, values, repeat, recomputations, saved):
    """The Profile of `repeat` runs of a Plan."""
    times = []
    for _ in range(repeat):
        found = dict(plan.program.profile(*values))
        times.append([found[k] for k in range(len(plan.program))])
    return Profile(plan, times, recomputations, saved)
