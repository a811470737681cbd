"""Smoke, flame and intruders a camera may have seen: always a suspicion, never an alarm."""
