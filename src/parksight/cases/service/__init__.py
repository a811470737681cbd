"""The engine: the only place that changes cases."""

from parksight.cases.service.engine import CaseService

__all__ = ["CaseService"]
