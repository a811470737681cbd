from parksight.alarms.evaluation.old import *
from parksight.alarms.evaluation.old import STALE, Evaluator, RuleRow, Transitions, compile_rules, join, of_keys, warm_up
