"""ESPnet 3's stages with the recursive encoders: python run.py --help."""

from espnet3.systems.esp2_asr.system import ASRSystem
from espnet3.systems.launch import launch

import espnet_recursive  # noqa: F401  (registers the encoders, here and in each process of a training)

# Processes that stages start import this file again.
if __name__ == "__main__":
    launch(ASRSystem)
