"""Points: what is measured."""
