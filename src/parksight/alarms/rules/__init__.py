"""Rules as versioned data: what they watch, how they come into force, how they are handed to the compiler."""

from parksight.alarms.rules.compiling import Problem, Sources, enabled, expand_rules
from parksight.alarms.rules.importing import ImportOutcome
from parksight.alarms.rules.service import RuleService, rule_in
from parksight.alarms.rules.writing import get

__all__ = [
    "ImportOutcome", "Problem", "RuleService", "Sources", "enabled", "expand_rules", "get", "rule_in",
]  # fmt: skip
