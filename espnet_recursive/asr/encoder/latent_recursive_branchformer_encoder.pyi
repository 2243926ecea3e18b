# Made by tools/encoder_stubs.py from the constructors of ESPnet and of this package.

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from espnet2.asr.encoder.branchformer_encoder import BranchformerEncoder

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder

class LatentRecursiveBranchformerEncoder(LatentRecursiveEncoder, BranchformerEncoder):
    """Latent-recursive Branchformer encoder (Section 5.5, row L5 of Table 3).

    Options are those of :class:`LatentRecursiveEncoder` and of ESPnet's ``BranchformerEncoder``.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        use_attn: bool = True,
        attention_heads: int = 4,
        attention_layer_type: Literal[
            "selfattn", "rel_selfattn", "legacy_rel_selfattn", "fast_selfattn"
        ] = "rel_selfattn",
        pos_enc_layer_type: Literal[
            "abs_pos", "scaled_abs_pos", "rel_pos", "legacy_rel_pos"
        ] = "rel_pos",
        rel_pos_type: Literal["latest", "legacy"] = "latest",
        use_cgmlp: bool = True,
        cgmlp_linear_units: int = 2048,
        cgmlp_conv_kernel: int = 31,
        use_linear_after_conv: bool = False,
        gate_activation: Literal[
            "identity", "hardtanh", "tanh", "relu", "selu", "swish"
        ] = "identity",
        merge_method: Literal["concat", "learned_ave", "fixed_ave"] = "concat",
        cgmlp_weight: float | list[float] = 0.5,
        attn_branch_drop_rate: float | list[float] = 0.0,
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
        zero_triu: bool = False,
        padding_idx: int = -1,
        stochastic_depth_rate: float | list[float] = 0.0,
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
