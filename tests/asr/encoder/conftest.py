"""The four architectures, so small that a pass takes milliseconds, and their stock twins."""

from collections import ChainMap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from typing import Any

import pytest
import torch
from espnet2.asr.ctc import CTC
from espnet2.asr.encoder.branchformer_encoder import BranchformerEncoder
from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder

from espnet_recursive.registry import encoder_class

Shape = tuple[int, int, int, int]  #: {n_r, L, n_p, n_c}
KEYS = ("recurrent_blocks", "num_loops", "prelude_blocks", "coda_blocks")
PER_LAYER = ("cgmlp_weight", "attn_branch_drop_rate", "stochastic_depth_rate")
VOCABULARY = 5


def execution_order(shape: Shape) -> list[int]:
    """The unique layers in the order in which they run: Eqs. 1-3, written down once more."""
    n_r, loops, n_p, n_c = shape
    return [*range(n_p), *[*range(n_p, n_p + n_r)] * loops, *range(n_p + n_r, n_p + n_r + n_c)]


@dataclass(frozen=True)
class Architecture:
    """One of our encoders, the ESPnet encoder under it, and options that make both small."""

    name: str
    stock_cls: type
    attention_key: str
    options: dict[str, Any] = field(default_factory=dict)

    input_size = 20
    execution_order = staticmethod(execution_order)

    @property
    def cls(self) -> type:
        return encoder_class(f"latent_recursive_{self.name}")

    @property
    def small(self) -> dict[str, Any]:
        return {"output_size": 16, "attention_heads": 2, "dropout_rate": 0.1, **self.options}

    def build(self, shape: Shape | None = None, **conf: Any) -> torch.nn.Module:
        """Our encoder, with the keys of `shape` given only where it is."""
        keys = dict(zip(KEYS, shape, strict=True)) if shape else {}
        conf = {"input_size": self.input_size, **self.small, **keys, **conf}
        return self.cls(**conf)

    def build_stock(self, num_blocks: int, **conf: Any) -> torch.nn.Module:
        conf = {"input_size": self.input_size, **self.small, **conf, "num_blocks": num_blocks}
        return self.stock_cls(**conf)

    def unroll(self, encoder: torch.nn.Module, shape: Shape, **conf: Any) -> torch.nn.Module:
        """ESPnet's encoder with one layer an execution, each a copy of the layer of `encoder`."""
        order = execution_order(shape)
        for key in PER_LAYER:
            if isinstance(conf.get(key), list):
                conf[key] = [conf[key][i] for i in order]
        twin = self.build_stock(len(order), **conf)
        if getattr(encoder, "conditioning_layer", None) is not None:
            twin.conditioning_layer = torch.nn.Linear(VOCABULARY, encoder.output_size())
        ours, states = encoder.state_dict(), {}
        for name in twin.state_dict():
            room, _, rest = name.partition(".")
            if room == "encoders":
                index, _, rest = rest.partition(".")
                states[name] = ours[f"encoders.{order[int(index)]}.{rest}"]
            else:
                states[name] = ours[name]
        twin.load_state_dict(states, strict=True)
        return twin.to(next(encoder.parameters()).dtype).train(encoder.training)

    def compare_with_stock(
        self,
        shape: Shape,
        conf: dict[str, Any],
        x: torch.Tensor,
        lengths: Sequence[int],
        keys: dict[str, int] | None = None,
    ) -> None:
        """In training, forward and backward, as ESPnet's own unrolled encoder in every number.

        Args:
            shape: The tuple that our encoder has.
            conf: Options of both encoders, among them those of intermediate CTC.
            x: Input of both.
            lengths: Its lengths.
            keys: What says to our encoder which tuple it has, where not the four keys of the tuple.
        """
        torch.manual_seed(1)
        ours = self.build(shape if keys is None else None, **conf, **(keys or {}))
        ctc = None
        if conf.get("interctc_use_conditioning"):
            ctc = CTC(odim=VOCABULARY, encoder_output_size=ours.output_size()).double()
            ours.conditioning_layer = torch.nn.Linear(VOCABULARY, ours.output_size())
        ours.double()
        twin = self.unroll(ours, shape, **conf)
        our_results, stock_results = (train_step(e, x, lengths, ctc) for e in (ours, twin))
        for our_result, stock_result in zip(our_results, stock_results, strict=True):
            torch.testing.assert_close(our_result, stock_result, rtol=1e-6, atol=1e-6)
        self.compare_gradients(ours, twin, shape)

    def compare_grid(
        self, factors: Sequence[Sequence[dict[str, Any]]], fixed: dict[str, Any], step: int = 1
    ) -> int:
        """Every `step`-th case of a grid on two unique layers, without and with recursion.

        Args:
            factors: For each factor, the options that each of its values stands for.
            fixed: Options of all cases.
            step: 1 for all cases.

        Returns:
            The number of cases in the whole grid.
        """
        cases = [dict(ChainMap(*values)) for values in product(*factors)]
        sample = cases[::step]
        for value in chain(*factors):
            assert any(value.items() <= case.items() for case in sample), f"no case has {value}"
        for case in sample:
            tokens, features = torch.randint(0, 10, [2, 32]), torch.randn(2, 32, self.input_size)
            x = tokens if case["input_layer"] == "embed" else features
            conf = {**fixed, **case}
            try:
                self.compare_with_stock((2, 1, 0, 0), conf, x, [32, 28], {"num_blocks": 2})
                self.compare_with_stock((1, 3, 1, 0), conf, x, [32, 28])
            except Exception as error:
                error.add_note(f"case: {case}")
                raise
        return len(cases)

    def compare_gradients(self, ours: Any, unrolled: Any, shape: Shape) -> None:
        """The gradient of a shared parameter is the sum of those of its copies."""
        sums: dict[str, torch.Tensor] = {}
        order = execution_order(shape)
        for name, parameter in unrolled.named_parameters():
            room, _, rest = name.partition(".")
            if room == "encoders":
                index, _, rest = rest.partition(".")
                name = f"encoders.{order[int(index)]}.{rest}"
            if parameter.grad is not None:
                sums[name] = sums.get(name, 0) + parameter.grad
        grads = {n: p.grad for n, p in ours.named_parameters() if p.grad is not None}
        assert grads, "nothing has a gradient"
        torch.testing.assert_close(grads, sums, rtol=1e-5, atol=1e-5)

    def __str__(self) -> str:
        return self.name


def train_step(encoder, x, lengths, ctc=None):
    """One pass, forward and backward, from the same random state: output, hidden states, gradient.

    The loss weighs every number differently, or norms would make gradients vanish.
    """
    torch.manual_seed(2)
    if x.is_floating_point():
        x = x.to(next(encoder.parameters()).dtype).clone().requires_grad_()
    more = {"ctc": ctc} if ctc is not None else {}
    out, _, _ = encoder(x, torch.tensor(lengths), **more)
    out, states = out if isinstance(out, tuple) else (out, [])
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    (out * weights).sum().backward()
    return out.detach(), [(i, state.detach()) for i, state in states], x.grad


ARCHITECTURES = {
    arch.name: arch
    for arch in (
        Architecture("transformer", TransformerEncoder, "", {"linear_units": 24}),
        Architecture(
            "branchformer",
            BranchformerEncoder,
            "attention_layer_type",
            {"cgmlp_linear_units": 24, "cgmlp_conv_kernel": 3},
        ),
        Architecture(
            "conformer",
            ConformerEncoder,
            "selfattention_layer_type",
            {"linear_units": 24, "cnn_module_kernel": 3, "rel_pos_type": "latest"},
        ),
        Architecture(
            "e_branchformer",
            EBranchformerEncoder,
            "attention_layer_type",
            {
                "linear_units": 24,
                "cgmlp_linear_units": 24,
                "cgmlp_conv_kernel": 3,
                "use_ffn": True,
                "macaron_ffn": True,
            },
        ),
    )
}


@pytest.fixture(params=ARCHITECTURES.values(), ids=str)
def arch(request) -> Architecture:
    """Each architecture in turn."""
    return request.param


@pytest.fixture(params=[a for a in ARCHITECTURES.values() if a.name != "branchformer"], ids=str)
def interctc_arch(request) -> Architecture:
    """Each architecture with intermediate CTC, masks and hidden states."""
    return request.param


@pytest.fixture(scope="session")
def architectures() -> dict[str, Architecture]:
    return ARCHITECTURES


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    torch.manual_seed(0)
    yield


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Two utterances, the second one shorter, and their lengths."""
    return torch.randn(2, 48, Architecture.input_size), torch.tensor([48, 35])
