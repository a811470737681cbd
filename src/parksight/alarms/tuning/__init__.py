"""Rules tried on what was observed: previews of drafts, and what a change would have brought."""

from parksight.alarms.tuning.service import TuningService

__all__ = ["TuningService"]
