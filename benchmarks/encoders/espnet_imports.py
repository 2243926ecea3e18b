"""Importing this imports what every encoder needs of ESPnet, which takes seconds and memory."""

from espnet_recursive.registry import ENCODERS, encoder_class

CLASSES = {name: encoder_class(name) for name in ENCODERS}
