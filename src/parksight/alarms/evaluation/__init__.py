"""Rules compiled to columns, and their evaluation over whole batches."""

from parksight.alarms.evaluation.compiler import SILENT_PERIODS, STALE, compile_rules
from parksight.alarms.evaluation.evaluator import Evaluator, warm_up
from parksight.alarms.evaluation.keys import point_of, rule_of, step_key, step_of
from parksight.alarms.evaluation.rows import RuleRow
from parksight.alarms.evaluation.transitions import Transitions, join, keep, of_keys

__all__ = [
    "SILENT_PERIODS", "STALE", "Evaluator", "RuleRow", "Transitions", "compile_rules", "join", "keep", "of_keys",
    "point_of", "rule_of", "step_key", "step_of", "warm_up",
]  # fmt: skip
