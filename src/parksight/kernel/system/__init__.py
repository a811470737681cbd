"""What the installation says about itself: health, meta, settings, metrics."""
