"""Tables of alarms, one file per subject; everything is imported from here."""

from parksight.alarms.models.alarms import Alarm, Flood, Group, JournalEntry
from parksight.alarms.models.linkage import Linkage, LinkageVersion, Reaction
from parksight.alarms.models.rules import CONTENT, Proposal, Rule, RuleVersion
from parksight.alarms.models.silence import Suppression, Window
from parksight.alarms.models.words import CAUSES, CONDITIONS, HANDLINGS, KINDS, STATES, STEPS, SUPPRESSIONS

__all__ = [
    "CAUSES", "CONDITIONS", "CONTENT", "HANDLINGS", "KINDS", "STATES", "STEPS", "SUPPRESSIONS", "Alarm", "Flood",
    "Group", "JournalEntry", "Linkage", "LinkageVersion", "Proposal", "Reaction", "Rule", "RuleVersion",
    "Suppression", "Window",
]  # fmt: skip
