# Made by tools/encoder_stubs.py from the constructors of ESPnet and of this package.

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from espnet2.asr.encoder.conformer_encoder import ConformerEncoder

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder

class LatentRecursiveConformerEncoder(LatentRecursiveEncoder, ConformerEncoder):
    """Latent-recursive Conformer encoder; not in the paper, the same recursion.

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``ConformerEncoder``.
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
        ]
        | None = "conv2d",
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: Literal["linear", "conv1d", "conv1d-linear"] = "linear",
        positionwise_conv_kernel_size: int = 3,
        macaron_style: bool = False,
        rel_pos_type: Literal["latest", "legacy"] = "legacy",
        pos_enc_layer_type: Literal[
            "abs_pos", "scaled_abs_pos", "rel_pos", "legacy_rel_pos", "conv"
        ] = "rel_pos",
        selfattention_layer_type: Literal[
            "selfattn", "rel_selfattn", "legacy_rel_selfattn"
        ] = "rel_selfattn",
        activation_type: Literal["hardtanh", "tanh", "relu", "selu", "swish"] = "swish",
        use_cnn_module: bool = True,
        zero_triu: bool = False,
        cnn_module_kernel: int = 31,
        padding_idx: int = -1,
        interctc_layer_idx: list[int] = ...,
        interctc_use_conditioning: bool = False,
        ctc_trim: bool = False,
        stochastic_depth_rate: float | list[float] = 0.0,
        layer_drop_rate: float = 0.0,
        max_pos_emb_len: int = 5000,
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
