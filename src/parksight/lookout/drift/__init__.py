"""How far a head's telemetry has drifted from what its pictures show."""
