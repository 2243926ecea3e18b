"""Depth-recursive speech encoders for ESPnet.

Importing this package adds the encoders named in :data:`espnet_recursive.registry.ENCODERS`
to every ESPnet task that takes an encoder, once. Neither torch nor ESPnet is imported until
one of those tasks is.
"""

from espnet_recursive.registry import register

__version__ = "0.1.0"

register()
