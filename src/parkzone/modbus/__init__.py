"""Modbus servers: serial lines behind terminal servers and PLCs, read only."""
