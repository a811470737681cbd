"""An alarm turns the right camera by itself; any place on the map can be asked for by a person."""
