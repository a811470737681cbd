"""From a rule as it was written to what the tables keep: priorities worked out, forbidden delays refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from parksight.alarms.expressions import Reference, parse, references
from parksight.alarms.schemas import RuleIn
from parksight.kernel.errors import invalid

#: Steps that have a priority of their own, by their names in a definition.
STEP_NAMES: Final = ("hh", "h", "l", "ll", "on")
Matrix = Mapping[str, Mapping[str, int]]


def content_of(data: RuleIn, target: dict[str, Any], matrix: Matrix) -> dict[str, Any]:
    """The columns ``models.CONTENT`` of a rule.

    Args:
        target: with points by id.
        matrix: consequence -> time to respond -> priority.

    Raises:
        ProblemError: 422 a step without priority, or one that differs from the matrix without a reason.
    """
    definition = data.definition.model_dump(exclude_none=True)
    rationale = data.rationale.model_dump(mode="json", exclude_defaults=True)
    for name in STEP_NAMES:
        if name in definition:
            definition[name]["priority"] = _priority(name, definition[name], rationale, matrix)
    return {
        "name": data.name, "name_en": data.name_en, "target": target, "definition": definition, "rationale": rationale,
        "basis": data.basis, "standard": data.standard, "clause": data.clause, "never_delay": data.never_delay,
        "suppression": data.suppression or "", "post": data.post, "in_service": data.in_service,
        "service_reason": data.service_reason, "latching": data.latching, "enabled": data.enabled,
    }  # fmt: skip


def _priority(name: str, step: Mapping[str, Any], rationale: Mapping[str, Any], matrix: Matrix) -> int:
    consequence = step.get("consequence", rationale.get("consequence"))
    respond = step.get("respond_within", rationale.get("respond_within"))
    given: int | None = step.get("priority")
    if consequence is None or respond is None:
        if given is None:
            raise invalid("alarms.rule.priority_missing", f"/definition/{name}", step=name.upper())
        return given
    wanted = matrix[consequence][respond]
    if given is not None and given != wanted and not rationale.get("priority_reason"):
        params = {"step": name.upper(), "given": given, "wanted": wanted}
        raise invalid("alarms.rule.priority_reason", f"/definition/{name}", **params)
    return wanted if given is None else given


def check_delays(content: Mapping[str, Any], kinds: Sequence[str], point_kind: str) -> None:
    """Refuse an on-delay where the kind of the points forbids it (gas leaks).

    Raises:
        ProblemError: 422 ``alarms.rule.never_delay``.
    """
    if not any(point_kind == k or point_kind.startswith(f"{k}.") for k in kinds):
        return
    definition = content["definition"]
    for name in STEP_NAMES:
        if definition.get(name, {}).get("on_delay_s"):
            raise invalid("alarms.rule.never_delay", f"/definition/{name}/on_delay_s")


def kind_of(definition: Mapping[str, Any]) -> str:
    """Word of ``models.KINDS`` for a definition."""
    signal = definition.get("signal")
    if signal is not None:
        return str(signal["kind"])
    return "limit" if any(name in definition for name in STEP_NAMES) else "stale"


def read_by(definition: Mapping[str, Any], suppression: str) -> list[Reference]:
    """Points a rule reads through its expressions, the watched one included where they name it."""
    signal = definition.get("signal") or {}
    texts = [
        signal.get("text"),
        signal.get("other"),
        signal.get("when"),
        *signal.get("voters", ()),
        suppression,
    ]
    found = [r for text in texts if text for r in references(parse(text))]
    return list(dict.fromkeys(found))
