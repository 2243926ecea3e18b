# Made by tools/encoder_stubs.py from the constructors of ESPnet and of this package.

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from espnet2.asr.encoder.transformer_encoder import TransformerEncoder

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder

class LatentRecursiveTransformerEncoder(LatentRecursiveEncoder, TransformerEncoder):
    """Latent-Recursive-Transformer encoder (Section 3, Tables 1 and 2, and AISHELL-1 in Table 3).

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``TransformerEncoder``.

    Example:
        >>> encoder = LatentRecursiveTransformerEncoder(80, output_size=512, num_loops=5)
        >>> str(encoder.shape)
        '{4, 5, 2, 2}'
    """

    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int | None = None,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        input_layer: Literal[
            "linear",
            "conv2d",
            "conv2d1",
            "conv2d2",
            "conv2d6",
            "conv2d8",
            "conv2d_speechbrain",
            "embed",
            "wav2vec",
            "conv1d2",
        ]
        | None = "conv2d",
        pos_enc_class: Any = ...,
        pos_enc_layer_type: Literal["abs_pos", "conv"] = "abs_pos",
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: Literal["linear", "conv1d", "conv1d-linear"] = "linear",
        positionwise_conv_kernel_size: int = 1,
        padding_idx: int = -1,
        interctc_layer_idx: list[int] = ...,
        interctc_use_conditioning: bool = False,
        layer_drop_rate: float = 0.0,
        qk_norm: bool = False,
        use_flash_attn: bool = True,
        use_sdpa: bool = False,
        *,
        input_channels: int | None = None,
        recurrent_blocks: int = 4,
        num_loops: int = 5,
        prelude_blocks: int = 2,
        coda_blocks: int = 2,
        loop_policy: str = "fixed",
        loop_policy_conf: Mapping[str, Any] = ...,
        interctc_loops: Sequence[int] = ...,
        loop_strides: Sequence[int] = ...,
        loop_scale: str | None = None,
        input_injection: str | None = None,
        loop_embedding: str | None = None,
        loop_film: bool = False,
        loop_norms: bool = False,
        loop_adapter_conf: Mapping[str, Any] | None = None,
        checkpoint_loops: bool = False,
        compile: bool = False,
        chunk_size: int | Sequence[int] = 0,
        num_left_chunks: int | Sequence[int] = -1,
    ) -> None: ...
