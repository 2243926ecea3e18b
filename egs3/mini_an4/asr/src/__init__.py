"""Functions that the configurations name."""
