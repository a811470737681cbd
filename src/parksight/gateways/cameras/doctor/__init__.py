"""Why is there no picture? Each step of the way asked for itself, with evidence and what to do."""
