"""How every value behaves: pure functions of seed and time, so that history and live data are one curve."""
