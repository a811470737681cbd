"""Forensics: what the series themselves say about how far they may be believed."""
