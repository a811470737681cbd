"""Pictures to browsers: NAL units, parameter sets, fragmented MP4, relays and viewers."""
