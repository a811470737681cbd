"""HJ 212 on the wire: pure functions and values, no input or output, no clock."""
