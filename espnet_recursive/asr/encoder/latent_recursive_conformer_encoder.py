"""A latent-recursive Conformer over ESPnet's ConformerEncoder."""

from espnet2.asr.encoder.conformer_encoder import ConformerEncoder

from espnet_recursive.asr.encoder.espnet_names import (
    ACTIVATIONS,
    ATTENTIONS,
    INPUT_LAYERS,
    POSITIONS,
    POSITIONWISE_LAYERS,
    REL_POS_TYPES,
)
from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder


class LatentRecursiveConformerEncoder(LatentRecursiveEncoder, ConformerEncoder):
    """Latent-recursive Conformer encoder; not in the paper, the same recursion.

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``ConformerEncoder``.
    """

    choices = {
        "input_layer": INPUT_LAYERS,
        "rel_pos_type": REL_POS_TYPES,
        "pos_enc_layer_type": (*POSITIONS, "conv"),
        "selfattention_layer_type": ATTENTIONS,
        "positionwise_layer_type": POSITIONWISE_LAYERS,
        "activation_type": ACTIVATIONS,
    }
