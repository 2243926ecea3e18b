"""Faster computation of layers and encoders, with the same results."""
