"""A latent-recursive Branchformer over ESPnet's BranchformerEncoder."""

from espnet2.asr.encoder.branchformer_encoder import BranchformerEncoder

from espnet_recursive.asr.encoder.espnet_names import (
    ACTIVATIONS,
    ATTENTIONS,
    INPUT_LAYERS,
    POSITIONS,
    REL_POS_TYPES,
)
from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder


class LatentRecursiveBranchformerEncoder(LatentRecursiveEncoder, BranchformerEncoder):
    """Latent-recursive Branchformer encoder (Section 5.5, row L5 of Table 3).

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``BranchformerEncoder``.
    """

    choices = {
        "input_layer": INPUT_LAYERS,
        "rel_pos_type": REL_POS_TYPES,
        "pos_enc_layer_type": POSITIONS,
        "attention_layer_type": (*ATTENTIONS, "fast_selfattn"),
        "gate_activation": ("identity", *ACTIVATIONS),
        "merge_method": ("concat", "learned_ave", "fixed_ave"),
    }
