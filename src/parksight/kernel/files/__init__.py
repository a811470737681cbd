"""Evidence and documents: stored once by content, never by a name a stranger chose."""
