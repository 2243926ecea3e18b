"""Names that several of ESPnet's encoders know, for their `choices`, and one of ours."""

from espnet_recursive.asr.encoder.input_layer import CONV2D, SPEECHBRAIN

INPUT_LAYERS = ("linear", *CONV2D, SPEECHBRAIN, "embed")
REL_POS_TYPES = ("latest", "legacy")
POSITIONS = ("abs_pos", "scaled_abs_pos", "rel_pos", "legacy_rel_pos")
ATTENTIONS = ("selfattn", "rel_selfattn", "legacy_rel_selfattn")
POSITIONWISE_LAYERS = ("linear", "conv1d", "conv1d-linear")
ACTIVATIONS = ("hardtanh", "tanh", "relu", "selu", "swish")
