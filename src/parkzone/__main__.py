"""``python -m parkzone``."""

from parkzone.cli import main

main()
