"""The one door of telemetry."""

from parksight.telemetry.ingest.groups import IngestClosed, IngestFailed
from parksight.telemetry.ingest.pipeline import IngestPipeline
from parksight.telemetry.ingest.reasons import REASONS, Reason

__all__ = ["REASONS", "IngestClosed", "IngestFailed", "IngestPipeline", "Reason"]
