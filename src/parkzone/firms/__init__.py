"""Who works in the zone: fictitious enterprises and what they have."""
