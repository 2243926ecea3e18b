"""Names that several of ESPnet's encoders know, for their `choices`."""

INPUT_LAYERS = ("linear", "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "embed")
REL_POS_TYPES = ("latest", "legacy")
POSITIONS = ("abs_pos", "scaled_abs_pos", "rel_pos", "legacy_rel_pos")
ATTENTIONS = ("selfattn", "rel_selfattn", "legacy_rel_selfattn")
POSITIONWISE_LAYERS = ("linear", "conv1d", "conv1d-linear")
ACTIVATIONS = ("hardtanh", "tanh", "relu", "selu", "swish")
