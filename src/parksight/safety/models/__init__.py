"""Tables of work safety, one file per subject."""

from parksight.safety.models.hazards import Chemical, Hazard, HazardPoint, Identification

__all__ = ["Chemical", "Hazard", "HazardPoint", "Identification"]
