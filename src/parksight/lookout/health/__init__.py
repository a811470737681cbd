"""Whether a camera really sees: picture lost, frozen, dark, blurred, shifted, clock wrong. Each is a point with quality."""
