"""The paper's Latent-Recursive-Transformer over ESPnet's TransformerEncoder."""

from espnet2.asr.encoder.transformer_encoder import TransformerEncoder

from espnet_recursive.asr.encoder.espnet_names import (
    INPUT_LAYERS,
    POSITIONWISE_LAYERS,
)
from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder


class LatentRecursiveTransformerEncoder(LatentRecursiveEncoder, TransformerEncoder):
    """Latent-Recursive-Transformer encoder (Section 3, Tables 1 and 2, and AISHELL-1 in Table 3).

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``TransformerEncoder``.

    Example:
        >>> encoder = LatentRecursiveTransformerEncoder(80, output_size=512, num_loops=5)
        >>> str(encoder.shape)
        '{4, 5, 2, 2}'
    """

    choices = {
        "input_layer": (*INPUT_LAYERS, "wav2vec", "conv1d2"),
        "pos_enc_layer_type": ("abs_pos", "conv"),
        "positionwise_layer_type": POSITIONWISE_LAYERS,
    }
