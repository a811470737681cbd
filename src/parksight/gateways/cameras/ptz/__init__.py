"""Heads: where they point, who may turn them, and that they stop."""
