"""MQTT: a client of any broker, for JSON messages by template and for Sparkplug B."""

from parksight.gateways.mqtt.config import SPEC

__all__ = ["SPEC"]
