"""What the API of work safety takes and shows, one file per subject."""

from parksight.safety.schemas.hazards import *  # noqa: F403 - the file is the list
