"""Prepared layers in threads: each has the outputs that it has alone."""

import copy
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from espnet_recursive.speed import packed_linear
from espnet_recursive.speed.packed_conv2d import PackedConv2dReLU, QuantisedConv2dReLU
from espnet_recursive.speed.packed_linear import can_pack, fuse_linears
from espnet_recursive.speed.prepared import PRECISIONS, prepare_for_inference
from tests.asr.encoder.conftest import ARCHITECTURES

THREADS, PASSES = 8, 12


@pytest.fixture(autouse=True)
def switch_often(monkeypatch):
    """Threads take turns within a pass, and small layers are packed."""
    monkeypatch.setattr(packed_linear, "_FEW_WEIGHTS", 0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def alike(run, inputs):
    """Whether eight threads get for their inputs what one gets."""
    expected = [run(x) for x in inputs]

    def passes(thread):
        with torch.no_grad():
            return all(
                torch.equal(run(x), y)
                for _ in range(PASSES)
                for x, y in zip(inputs[thread:], expected[thread:], strict=True)
            )

    with ThreadPoolExecutor(THREADS) as pool:
        return all(pool.map(passes, range(THREADS)))


@torch.no_grad()
def test_fused_linears():
    torch.manual_seed(0)
    parts = fuse_linears([torch.nn.Linear(8, size) for size in (4, 6, 8)], lambda linear: linear)
    inputs = [torch.randn(5, 8) for _ in range(THREADS)]
    assert alike(lambda x: torch.cat([part(x) for part in parts], -1), inputs)
    assert not parts[0].fused._outputs, "outputs are kept no longer than they are needed"


@pytest.mark.parametrize("kind", [PackedConv2dReLU, QuantisedConv2dReLU])
@torch.no_grad()
def test_packed_convolutions_of_several_sizes(kind):
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 4, 3, 2)
    engines = torch.backends.quantized.supported_engines
    if not can_pack(conv) or (kind is QuantisedConv2dReLU and "onednn" not in engines):
        pytest.skip("this torch cannot pack it")
    inputs = [torch.rand(1, 3, 20, bands) for bands in range(7, 7 + THREADS)]
    assert alike(kind(conv, 20), inputs)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["transformer", "branchformer"])
@torch.no_grad()
def test_stock_encoders(name, precision):
    torch.manual_seed(0)
    stock = ARCHITECTURES[name].build_stock(2).float().eval()
    encoder = prepare_for_inference(copy.deepcopy(stock), precision)
    inputs = [torch.randn(1, frames, 20) for frames in range(40, 40 + 4 * THREADS, 4)]
    assert alike(lambda x: encoder(x, torch.tensor([x.size(1)]))[0], inputs)
