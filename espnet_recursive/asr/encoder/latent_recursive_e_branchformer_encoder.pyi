# Made by tools/encoder_stubs.py from the constructors of ESPnet and of this package.

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder

class LatentRecursiveEBranchformerEncoder(LatentRecursiveEncoder, EBranchformerEncoder):
    """Latent-recursive E-Branchformer encoder; not in the paper, the same recursion.

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``EBranchformerEncoder``.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        attention_heads: int = 4,
        attention_layer_type: Literal[
            "selfattn", "rel_selfattn", "legacy_rel_selfattn", "fast_selfattn"
        ] = "rel_selfattn",
        pos_enc_layer_type: Literal[
            "abs_pos", "scaled_abs_pos", "rel_pos", "legacy_rel_pos", "conv"
        ] = "rel_pos",
        rel_pos_type: Literal["latest", "legacy"] = "latest",
        cgmlp_linear_units: int = 2048,
        cgmlp_conv_kernel: int = 31,
        use_linear_after_conv: bool = False,
        gate_activation: Literal[
            "identity", "hardtanh", "tanh", "relu", "selu", "swish"
        ] = "identity",
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
            "conv1d1",
            "conv1d2",
            "conv1d3",
        ]
        | None = "conv2d",
        zero_triu: bool = False,
        padding_idx: int = -1,
        layer_drop_rate: float = 0.0,
        max_pos_emb_len: int = 5000,
        use_ffn: bool = False,
        macaron_ffn: bool = False,
        ffn_activation_type: Literal["hardtanh", "tanh", "relu", "selu", "swish"] = "swish",
        linear_units: int = 2048,
        positionwise_layer_type: Literal["linear"] = "linear",
        merge_conv_kernel: int = 3,
        interctc_layer_idx: Any = None,
        interctc_use_conditioning: bool = False,
        qk_norm: bool = False,
        use_flash_attn: bool = True,
        gradient_checkpoint_layers: list[int] = ...,
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
