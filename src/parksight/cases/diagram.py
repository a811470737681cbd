"""Draws a type's states: layers from left to right, and the same as Mermaid text for the docs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from parksight.cases import declaration as d
from parksight.cases.checks import edges
from parksight.cases.declaration import CaseType
from parksight.kernel.i18n import has, translate

#: Rounds of ordering each layer by the places of its neighbours (barycentre method, Sugiyama 1981).
_ROUNDS = 4


@dataclass(frozen=True)
class Node:
    """A state; ``x`` is its layer, ``y`` its place in the layer, both from 0."""

    state: str
    phase: str
    initial: bool
    x: int
    y: int


@dataclass(frozen=True)
class Edge:
    """A move; ``exit``: one of the common ways."""

    transition: str
    source: str
    target: str
    exit: bool


@dataclass(frozen=True)
class Diagram:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    layers: int
    rows: int


def draw(case_type: CaseType) -> Diagram:
    """Lay out a complete type. The layer of a state is how many declared steps it is from the first."""
    drawn = [
        Edge(x.code, source, target, x.code in d.EXITS)
        for source, target, x in edges(case_type)
        if x.code != d.RETURN or source != target
    ]
    ways = list(dict.fromkeys(drawn))
    depth = {case_type.initial: 0}
    todo = [case_type.initial]
    while todo:
        state = todo.pop(0)
        for edge in ways:
            if edge.source == state and not edge.exit and edge.target not in depth:
                depth[edge.target] = depth[state] + 1
                todo.append(edge.target)
    last = max(depth.values())
    final = {s.code for s in case_type.states if s.phase == "final"}
    # Ends stand in the last layer, so that work reads from left to right.
    for one in case_type.states:
        if one.code in final:
            depth[one.code] = max(last, 1)
        depth.setdefault(one.code, 0)
    layers: dict[int, list[str]] = defaultdict(list)
    for one in case_type.states:
        layers[depth[one.code]].append(one.code)
    place = _ordered(layers, ways)
    nodes = tuple(
        Node(s.code, s.phase, s.code == case_type.initial, depth[s.code], place[s.code]) for s in case_type.states
    )  # fmt: skip
    return Diagram(nodes, tuple(ways), 1 + max(depth.values()), max(len(row) for row in layers.values()))


def _ordered(layers: dict[int, list[str]], ways: list[Edge]) -> dict[str, int]:
    place = {state: i for row in layers.values() for i, state in enumerate(row)}
    near: dict[str, list[str]] = defaultdict(list)
    for edge in ways:
        if not edge.exit:
            near[edge.source].append(edge.target)
            near[edge.target].append(edge.source)
    for _ in range(_ROUNDS):
        for _, row in sorted(layers.items()):
            row.sort(key=lambda s: sum(place[n] for n in near[s]) / len(near[s]) if near[s] else place[s])
            place.update({state: i for i, state in enumerate(row)})
    return place


def title(case_type: CaseType, kind: str, code: str, language: str | None) -> str:
    """The text of a state, transition, field …: the module's own, else the common one."""
    own = f"{case_type.code}.{kind}.{code}"
    return translate(own if has(own) else f"cases.{kind}.{code}", language)


def mermaid(case_type: CaseType, language: str | None = None, *, exits: bool = False) -> str:
    """The diagram as Mermaid text; the common ways only if asked for."""
    lines = ["stateDiagram-v2", "    direction LR"]
    drawing = draw(case_type)
    shown = [e for e in drawing.edges if exits or not e.exit]
    used = {case_type.initial, *(e.source for e in shown), *(e.target for e in shown)}
    lines += [
        f'    state "{title(case_type, "state", n.state, language)}" as {_id(n.state)}'
        for n in drawing.nodes
        if n.state in used
    ]
    lines.append(f"    [*] --> {_id(case_type.initial)}")
    for edge in shown:
        label = title(case_type, "do", edge.transition, language)
        lines.append(f"    {_id(edge.source)} --> {_id(edge.target)} : {label}")
    lines += [f"    {_id(n.state)} --> [*]" for n in drawing.nodes if n.phase == "final" and n.state in used]
    return "\n".join(lines) + "\n"


def _id(state: str) -> str:
    return state.replace("-", "_")
