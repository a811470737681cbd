"""Questions about observations: newest values, courses, rows, exports; scoped, limited, never in ingest's way."""

from parksight.telemetry.queries.service import ObservationQueries

__all__ = ["ObservationQueries"]
