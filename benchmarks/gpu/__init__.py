"""A session on a machine with a GPU, whose time is short."""
