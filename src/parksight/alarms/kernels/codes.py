"""Codes of the compiled evaluation: states, happenings, kinds of operations, places of figures."""

from __future__ import annotations

from parksight.alarms.models.words import KINDS

# State of a step.
NORMAL, PENDING_ON, ACTIVE, PENDING_OFF, UNKNOWN = 0, 1, 2, 3, 4
# What happened. SUPPRESSED and RELEASED concern standing alarms and leave their condition as it is.
RAISED, CLEARED, DOUBTED, CONFIRMED, WITHDRAWN, SUPPRESSED, RELEASED = 1, 2, 3, 4, 5, 6, 7
# Places in the counters array.
EVALUATED, OUT_OF_ORDER, HISTORY, CLOCK_BACK = 0, 1, 2, 3
COUNTERS = 4
# Why an alarm does not annunciate: the rule's suppressing condition is true, or the rule is out of service.
ANNOUNCED, BY_DESIGN, OUT_OF_SERVICE = 0, 1, 2

RATE, DEVIATION, FLAT, RANGE = (KINDS.index(k) for k in ("rate", "deviation", "flat", "range"))
STATE, CHANGE, EXPRESSION, VOTE = (KINDS.index(k) for k in ("state", "change", "expression", "vote"))
COUNT, EWMA, CUSUM, AVERAGE = (KINDS.index(k) for k in ("count", "ewma", "cusum", "average"))
SUSPECT = KINDS.index("suspect")
#: Not a kind of rule: the suppressing condition of one.
GATE = 30

#: Parts a window of changing values is kept in; one more entry is needed at each end.
WINDOW_PARTS = 32
#: Means one reading can bring about at most: a day's hours, and the period that had begun.
MOST_MEANS = 26
#: Transitions an operation can add by the clock at most: those means, on each of four steps.
MARGIN = MOST_MEANS * 4
#: Parameters, whole and broken figures each operation has room for.
PARAMETERS, WHOLES, BROKENS = 8, 4, 4
# What an unknown voter does.
VOTE_UNKNOWN, VOTE_TRIPS, VOTE_DROPS, VOTE_DEGRADES = 0, 1, 2, 3
