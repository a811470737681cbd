"""From transition to people: flicker guard, silences, grouping by cause, floods; used by the recorder and by people."""
