"""The cloud eye: what the cameras of the zone see, where it lies, and which of them should look."""
