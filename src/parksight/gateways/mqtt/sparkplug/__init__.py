"""Sparkplug B (Eclipse Sparkplug 3.0.0): payloads, topics and the host's side of the session rules."""
