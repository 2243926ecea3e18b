"""A latent-recursive E-Branchformer over ESPnet's EBranchformerEncoder."""

from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder


class LatentRecursiveEBranchformerEncoder(LatentRecursiveEncoder, EBranchformerEncoder):
    """Latent-recursive E-Branchformer encoder; not in the paper, the same recursion.

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``EBranchformerEncoder``.
    """

    choices = {
        "input_layer": (
            "linear",
            "conv1d1",
            "conv1d2",
            "conv1d3",
            "conv2d",
            "conv2d1",
            "conv2d2",
            "conv2d6",
            "conv2d8",
            "embed",
        ),
        "rel_pos_type": ("latest", "legacy"),
        "pos_enc_layer_type": ("abs_pos", "conv", "scaled_abs_pos", "rel_pos", "legacy_rel_pos"),
        "attention_layer_type": (
            "selfattn",
            "rel_selfattn",
            "legacy_rel_selfattn",
            "fast_selfattn",
        ),
        "gate_activation": ("identity", "hardtanh", "tanh", "relu", "selu", "swish"),
        "ffn_activation_type": ("hardtanh", "tanh", "relu", "selu", "swish"),
        "positionwise_layer_type": ("linear",),
    }
