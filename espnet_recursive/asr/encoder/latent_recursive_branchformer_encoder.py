"""A latent-recursive Branchformer over ESPnet's BranchformerEncoder."""

from espnet2.asr.encoder.branchformer_encoder import BranchformerEncoder

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder


class LatentRecursiveBranchformerEncoder(LatentRecursiveEncoder, BranchformerEncoder):
    """Latent-recursive Branchformer encoder (Section 5.5, row L5 of Table 3).

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``BranchformerEncoder``.
    """

    choices = {
        "input_layer": ("linear", "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "embed"),
        "rel_pos_type": ("latest", "legacy"),
        "pos_enc_layer_type": ("abs_pos", "scaled_abs_pos", "rel_pos", "legacy_rel_pos"),
        "attention_layer_type": (
            "selfattn",
            "rel_selfattn",
            "legacy_rel_selfattn",
            "fast_selfattn",
        ),
        "gate_activation": ("identity", "hardtanh", "tanh", "relu", "selu", "swish"),
        "merge_method": ("concat", "learned_ave", "fixed_ave"),
    }
