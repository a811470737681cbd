"""``python -m parksight``."""

from parksight.cli import main

if __name__ == "__main__":
    main()
