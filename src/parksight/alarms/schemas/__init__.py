"""What the API of alarms takes and shows, one file per subject; everything is imported from here."""

from parksight.alarms.schemas.alarms import *  # noqa: F403 - the files are the list
from parksight.alarms.schemas.common import *  # noqa: F403
from parksight.alarms.schemas.groups import *  # noqa: F403
from parksight.alarms.schemas.limits import *  # noqa: F403
from parksight.alarms.schemas.linkage import *  # noqa: F403
from parksight.alarms.schemas.performance import *  # noqa: F403
from parksight.alarms.schemas.rules import *  # noqa: F403
from parksight.alarms.schemas.silence import *  # noqa: F403
