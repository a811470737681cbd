"""Use cases of work safety: the only place that changes its state."""

from parksight.safety.service.safety import SafetyService

__all__ = ["SafetyService"]
