"""Private weights of a loop: what each loop adds to the weights that all loops share.

In loop i a layer of the recurrent block runs with its weights W plus a difference of its own that
costs few parameters and starts at 0, so that the start is exact:

* norms: the layer norms' weights and biases, in full;
* low rank: W + (alpha / rank) B_i A_i;
* diagonal: W + diag(d_i).

The weights of a loop are computed once for the loop, not for each frame. Each kind is one tensor
over all loops, so that every parameter has a gradient, however many loops were run.

Sources: S. Bae et al., "Relaxed Recursive Transformers: Effective Parameter Sharing with Layer-wise
LoRA", ICLR 2025 (low rank, in a loop); Y. Wang and J. Li, "ResidualTransformer: Residual Low-Rank
Learning with Weight-Sharing for Transformer Layers", ICASSP 2024 (low rank and diagonal).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import torch

from espnet_recursive.errors import did_you_mean, is_integer


@dataclass(frozen=True)
class AdapterConf:
    """``loop_adapter_conf``: which projections have private weights, and of what form.

    Args:
        target_modules: Ends of the names of linear layers within a layer of the recurrent block,
            such as ``linear_q`` or ``feed_forward.w_1``.
        rank: Of the low-rank part; 0 for none.
        alpha: The low-rank part is scaled by alpha / rank; `rank` by default, a scale of 1.
        diagonal: Whether there is a diagonal part.

    Raises:
        ValueError: Naming the key and what it may be.
    """

    target_modules: Sequence[str]
    rank: int = 8
    alpha: float | None = None
    diagonal: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.target_modules, str) or not self.target_modules:
            raise ValueError(f"target_modules must be a list of names, not {self.target_modules!r}")
        if not is_integer(self.rank, least=0):
            raise ValueError(f"rank must be an integer of 0 or more, not {self.rank!r}")
        if not isinstance(self.diagonal, bool):
            raise ValueError(f"diagonal must be true or false, not {self.diagonal!r}")
        if self.rank == 0 and not self.diagonal:
            raise ValueError("rank 0 without diagonal leaves nothing: leave loop_adapter_conf out")

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any]) -> "AdapterConf":
        """Read it from a YAML's mapping.

        Raises:
            ValueError: Naming the key that is unknown, missing or wrong.
        """
        known = [field.name for field in fields(cls)]
        for key in conf:
            if key not in known:
                raise ValueError(
                    f"no key {key!r}.{did_you_mean(key, known)} Keys: {', '.join(known)}"
                )
        if "target_modules" not in conf:
            raise ValueError("target_modules is missing: linear layers with private weights")
        return cls(**conf)

    @property
    def scale(self) -> float:
        """alpha / rank."""
        return 1.0 if self.alpha is None or not self.rank else self.alpha / self.rank


class PrivateLinear(torch.nn.Linear):
    """A linear layer with private weights of loops.

    What replaces linear layers, such as torch's dynamic quantisation, goes by their exact class and
    so leaves these alone: they must keep their weights as parameters.
    """


class PrivateWeights(torch.nn.Module):
    """Weights that each loop adds to those of the recurrent block.

    Args:
        block: The layers of the recurrent block; linear layers among them that have private
            weights become :class:`PrivateLinear`.
        num_loops: Loops that have weights of their own; those beyond have those of the last.
        norms: Whether layer norms have.
        adapter: Which projections have.

    Raises:
        ValueError: If a target is no linear layer of the block, with those that there are.
    """

    def __init__(
        self,
        block: Sequence[torch.nn.Module],
        num_loops: int,
        norms: bool = False,
        adapter: AdapterConf | None = None,
    ) -> None:
        super().__init__()
        self.num_loops = num_loops
        self.scale = adapter.scale if adapter else 1.0
        # By layer and weight; see `key_of`. torch allows no dots in names.
        self.norm = torch.nn.ParameterDict()
        self.low_rank_a = torch.nn.ParameterDict()
        self.low_rank_b = torch.nn.ParameterDict()
        self.diagonal = torch.nn.ParameterDict()
        #: For each layer of the block, the weights that are not the same in all loops.
        self.names: list[list[str]] = [[] for _ in block]
        for place, layer in enumerate(block):
            if norms:
                self._add_norms(place, layer)
            if adapter is not None:
                self._add_adapters(place, layer, adapter)

    def _add_norms(self, place: int, layer: torch.nn.Module) -> None:
        for module_name, module in layer.named_modules():
            if isinstance(module, torch.nn.LayerNorm):
                for name, weight in module.named_parameters(prefix=module_name):
                    zeros = weight.new_zeros(self.num_loops, *weight.shape)
                    self.norm[key_of(place, name)] = torch.nn.Parameter(zeros)
                    self.names[place].append(name)

    def _add_adapters(self, place: int, layer: torch.nn.Module, adapter: AdapterConf) -> None:
        linear = {n: m for n, m in layer.named_modules() if isinstance(m, torch.nn.Linear)}
        for target in adapter.target_modules:
            found = [name for name in linear if f".{name}".endswith(f".{target}")]
            if not found:
                raise ValueError(
                    f"target_modules: no linear layer's name ends with {target!r}. "
                    f"There are: {', '.join(linear)}"
                )
            for name in found:
                if type(linear[name]) is torch.nn.Linear:
                    linear[name].__class__ = PrivateLinear
                if f"{name}.weight" not in self.names[place]:
                    self._add_adapter(place, f"{name}.weight", linear[name].weight, adapter)

    def _add_adapter(
        self, place: int, name: str, weight: torch.Tensor, adapter: AdapterConf
    ) -> None:
        (rows, columns), key = weight.shape, key_of(place, name)
        if adapter.rank > min(rows, columns):
            raise ValueError(f"rank={adapter.rank} is too much for {name}: {rows} x {columns}")
        if adapter.rank:
            a = weight.new_empty(self.num_loops, adapter.rank, columns)
            torch.nn.init.kaiming_uniform_(a, a=5**0.5)  # as LoRA does; B alone starts at 0
            self.low_rank_a[key] = torch.nn.Parameter(a)
            b = weight.new_zeros(self.num_loops, rows, adapter.rank)
            self.low_rank_b[key] = torch.nn.Parameter(b)
        if adapter.diagonal:
            diagonal = weight.new_zeros(self.num_loops, min(rows, columns))
            self.diagonal[key] = torch.nn.Parameter(diagonal)
        self.names[place].append(name)

    def in_loop(
        self, place: int, loop: int
    ) -> Callable[[torch.nn.Module], dict[str, torch.Tensor]] | None:
        """Compute :meth:`weights` of a layer that is known later; None where all are shared.

        Args:
            place: The layer's place in the recurrent block, from 0.
            loop: From 1.
        """
        return partial(self.weights, place=place, loop=loop) if self.names[place] else None

    def weights(self, layer: torch.nn.Module, place: int, loop: int) -> dict[str, torch.Tensor]:
        """The weights of a layer in a loop, those that are not the shared ones.

        Args:
            layer: The layer.
            place: Its place in the recurrent block, from 0.
            loop: From 1.

        Returns:
            Weights by their names in the layer.
        """
        own = min(loop, self.num_loops) - 1
        return {
            name: self._private(layer.get_parameter(name), key_of(place, name), own)
            for name in self.names[place]
        }

    def _private(self, shared: torch.Tensor, key: str, own: int) -> torch.Tensor:
        if key in self.norm:
            return shared + self.norm[key][own]
        weight = shared
        if key in self.low_rank_a:
            # W + (alpha / rank) B A
            a, b = self.low_rank_a[key][own], self.low_rank_b[key][own]
            weight = torch.addmm(weight, b, a, alpha=self.scale)
        if key in self.diagonal:
            diagonal = self.diagonal[key][own]
            rows, columns = (size - len(diagonal) for size in shared.shape)
            weight = weight + torch.nn.functional.pad(diagonal.diag(), (0, columns, 0, rows))
        return weight


def key_of(place: int, name: str) -> str:
    """The key of a tensor of `PrivateWeights`: a layer's place, a weight's name."""
    return f"{place}/{name.replace('.', '/')}"
