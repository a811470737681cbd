"""Work safety: who holds what, how dangerous it is, and what must be done about it before it harms anybody."""
