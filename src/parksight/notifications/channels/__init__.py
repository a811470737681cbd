"""Ways out of the house, one file each; every one is handed a :class:`~base.Message` and answers an ``Outcome``."""
