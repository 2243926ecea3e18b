"""A latent-recursive E-Branchformer over ESPnet's EBranchformerEncoder."""

from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder

from espnet_recursive.asr.encoder.espnet_names import (
    ACTIVATIONS,
    ATTENTIONS,
    INPUT_LAYERS,
    POSITIONS,
    REL_POS_TYPES,
)
from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder


class LatentRecursiveEBranchformerEncoder(LatentRecursiveEncoder, EBranchformerEncoder):
    """Latent-recursive E-Branchformer encoder; not in the paper, the same recursion.

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``EBranchformerEncoder``.
    """

    normalizes_states = False
    choices = {
        "input_layer": (*INPUT_LAYERS, "conv1d1", "conv1d2", "conv1d3"),
        "rel_pos_type": REL_POS_TYPES,
        "pos_enc_layer_type": (*POSITIONS, "conv"),
        "attention_layer_type": (*ATTENTIONS, "fast_selfattn"),
        "gate_activation": ("identity", *ACTIVATIONS),
        "ffn_activation_type": ACTIVATIONS,
        "positionwise_layer_type": ("linear",),
    }
