from parksight.alarms.rules.old import *
from parksight.alarms.rules.old import RuleService, get, enabled
