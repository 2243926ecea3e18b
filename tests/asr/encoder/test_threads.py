"""One encoder in eight threads: each pass gives what it gives alone.

The threads have utterances and depths of their own, and change places as often as Python can.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from espnet2.asr.ctc import CTC
from torch._dynamo.testing import CompileCounter

from espnet_recursive.asr.depth import Depth
from espnet_recursive.recursion.layer_call import CompiledCall
from espnet_recursive.speed import packed_linear
from espnet_recursive.speed.prepared import PRECISIONS, prepare_for_inference
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import POLICIES, VOCABULARY, build, outputs, pairs

THREADS = 8
DEPTHS = [
    None,
    Depth(num_loops=1),
    Depth(num_loops=2),
    Depth(num_loops=5),
    Depth(loop_exit="latent", loop_exit_threshold=0.3),
    Depth(loop_exit="labels", loop_exit_threshold=0.5, num_loops=4),
    Depth(num_loops=3),
    None,
]


@pytest.fixture(autouse=True)
def changing_often():
    """Threads change places after each 5 microseconds, not 5 milliseconds."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


def safe(arch):
    """Options with which ESPnet's attention keeps nothing of a pass."""
    flash = {"use_flash_attn": False} if arch.name == "e_branchformer" else {}
    return {"use_sdpa": True, **flash}


def compare(encoder, passes=2):
    """Passes in threads with those of one thread: outputs bit for bit, and what is said of them."""
    encoder.eval()
    dtype = next(p.dtype for p in encoder.parameters() if p.is_floating_point())
    torch.manual_seed(1)
    ctc = CTC(VOCABULARY, encoder.output_size()).to(dtype).eval()
    utterances = [torch.randn(1, 26 + 5 * thread, 20, dtype=dtype) for thread in range(THREADS)]

    def encode(thread):
        x = utterances[thread]
        out, olens, states = outputs(
            encoder(x, torch.tensor([x.size(1)]), ctc=ctc, depth=DEPTHS[thread])
        )
        ran = encoder.loops_run
        return out, olens, states, None if ran is None else ran.tolist(), encoder.row_layers

    barrier = Barrier(THREADS)

    def encode_in_thread(thread):
        barrier.wait()
        with torch.no_grad():
            return [encode(thread) for _ in range(passes)]

    with torch.no_grad():
        expected = [encode(thread) for thread in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for thread, found in enumerate(pool.map(encode_in_thread, range(THREADS))):
            for out, olens, states, ran, row_layers in found:
                alone = expected[thread]
                assert torch.equal(out, alone[0]) and torch.equal(olens, alone[1]), thread
                assert states.keys() == alone[2].keys()
                assert all(torch.equal(state, alone[2][at]) for at, state in states.items())
                assert (ran, row_layers) == alone[3:]


@pytest.mark.parametrize(("policy", "part"), pairs(POLICIES, "length"))
def test_every_policy_and_part(arch, policy, part):
    compare(build(arch, policy, part, **safe(arch)))


@pytest.mark.parametrize(("precision", "part"), pairs(PRECISIONS, "int8"))
def test_every_precision_and_part(arch, precision, part, monkeypatch):
    """Prepared attention is safe in threads without use_sdpa, too."""
    monkeypatch.setattr(packed_linear, "_FEW_WEIGHTS", 0)  # the layers here are small
    compare(prepare_for_inference(build(arch, "length", part).float().eval(), precision))


def test_compiled_blocks():
    """One compilation, which the threads share."""
    torch._dynamo.reset()
    arch, counter = ARCHITECTURES["transformer"], CompileCounter()
    encoder = build(arch, "length", "norms", compile=True, **safe(arch))
    encoder.encoders.layer_call = CompiledCall(counter)
    compare(encoder, passes=1)
    assert counter.frame_count == 1
    torch._dynamo.reset()


def test_a_depth_that_is_set_is_that_of_a_call(arch):
    """set_depth is for all threads; a call's own depth goes before it and changes nothing."""
    encoder = build(arch, part="norms").eval()
    x, lengths = torch.randn(1, 40, 20, dtype=torch.float64), torch.tensor([40])
    with torch.no_grad():
        given, _, _ = outputs(encoder(x, lengths, depth=Depth(num_loops=2)))
        assert encoder.loops_run.tolist() == [2]
        encoder.set_depth(num_loops=2)
        assert torch.equal(outputs(encoder(x, lengths))[0], given)
        own, _, _ = outputs(encoder(x, lengths, depth=Depth()))
        assert encoder.loops_run is None or encoder.loops_run.tolist() == [3]
        encoder.set_depth()
        assert torch.equal(outputs(encoder(x, lengths))[0], own)
        assert not torch.equal(own, given)


def test_a_depth_is_for_inference(arch):
    encoder = build(arch).train()
    x, lengths = torch.randn(1, 40, 20, dtype=torch.float64), torch.tensor([40])
    with pytest.raises(ValueError, match="depth=num_loops=2 is for inference: call eval"):
        encoder(x, lengths, depth=Depth(num_loops=2))
    with pytest.raises(ValueError, match="'kl' needs a CTC module"):
        encoder.eval()(x, lengths, depth=Depth(loop_exit="kl", loop_exit_threshold=0.1))
