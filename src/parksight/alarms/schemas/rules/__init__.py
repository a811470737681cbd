"""What the API of alarm rules takes and shows, one file per subject."""

from parksight.alarms.schemas.rules.proposals import *  # noqa: F403 - the files are the list
from parksight.alarms.schemas.rules.rule import *  # noqa: F403
from parksight.alarms.schemas.rules.signals import *  # noqa: F403
from parksight.alarms.schemas.rules.steps import *  # noqa: F403
from parksight.alarms.schemas.rules.target import *  # noqa: F403
from parksight.alarms.schemas.rules.tuning import *  # noqa: F403
