"""A latent-recursive Conformer over ESPnet's ConformerEncoder."""

from espnet2.asr.encoder.conformer_encoder import ConformerEncoder

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder


class LatentRecursiveConformerEncoder(LatentRecursiveEncoder, ConformerEncoder):
    """Latent-recursive Conformer encoder; not in the paper, the same recursion.

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``ConformerEncoder``.
    """

    choices = {
        "input_layer": ("linear", "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "embed"),
        "rel_pos_type": ("latest", "legacy"),
        "pos_enc_layer_type": ("abs_pos", "conv", "scaled_abs_pos", "rel_pos", "legacy_rel_pos"),
        "selfattention_layer_type": ("selfattn", "rel_selfattn", "legacy_rel_selfattn"),
        "positionwise_layer_type": ("linear", "conv1d", "conv1d-linear"),
        "activation_type": ("hardtanh", "tanh", "relu", "selu", "swish"),
    }
