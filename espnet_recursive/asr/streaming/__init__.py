"""Encoding in chunks: what a chunk sees in training, and the same as speech comes in."""
