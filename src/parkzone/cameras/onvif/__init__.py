"""A small ONVIF device (Profile S and T subset) as a camera serves it."""
