"""FSDP2 (``fully_shard`` of each layer) in two processes: the gradients of one process."""

from itertools import product

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from espnet_recursive.asr.depth import Depth
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import LENGTHS, PARTS, build, features, gradients, loss_of, outputs

#: Every part of one architecture; of the others, one part of each kind of weights.
CASES = [
    *product(["transformer"], PARTS),
    *product([name for name in ARCHITECTURES if name != "transformer"], ["none", "low_rank"]),
]


REFUSED = {
    "policy": ("length", {}, "length gives utterances loops of their own"),
    "exit": (
        "fixed",
        {"loop_exit": "latent", "loop_exit_threshold": 0.1},
        "exit criterion latent gives utterances loops of their own",
    ),
}


def encoder_of(case):
    name, part = case
    return build(ARCHITECTURES[name], "uniform", part).train()


def local_loss(model, rank):
    """The loss of a rank's half of the batch, padded as the whole."""
    x, lengths = features()
    rows = slice(2 * rank, 2 * rank + 2)
    return loss_of(*outputs(model(x[rows, : max(LENGTHS[rows])], lengths[rows])))


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two processes has found."""
    folder = tmp_path_factory.mktemp("fsdp")
    mp.spawn(work_in_two, (str(folder),), nprocs=2)
    return [torch.load(folder / f"rank{rank}.pth") for rank in range(2)]


def work_in_two(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/init", rank=rank, world_size=2)
    found = {case: sharded(case, rank) for case in CASES} | {
        case: refusal(case) for case in REFUSED
    }
    torch.save(found, f"{folder}/rank{rank}.pth")
    dist.destroy_process_group()


def shard(encoder):
    for layer in encoder.encoders.unique_layers:
        fully_shard(layer)
    return fully_shard(encoder)


def refusal(case):
    """The message of a pass in which ranks would wait for each other for ever."""
    policy, depth, _ = REFUSED[case]
    encoder = shard(build(ARCHITECTURES["transformer"], policy)).train(not depth)
    with pytest.raises(ValueError) as error:
        encoder(*features(), **({"depth": Depth(**depth)} if depth else {}))
    return str(error.value)


def sharded(case, rank):
    """Whole gradients of a pass over a rank's half of the batch, and the loops it ran."""
    encoder = shard(encoder_of(case))
    assert all(isinstance(parameter, DTensor) for parameter in encoder.parameters())
    local_loss(encoder, rank).backward()
    whole = {name: gradient.full_tensor() for name, gradient in gradients(encoder).items()}
    return whole, encoder.loops_run.tolist()


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_shards_are_the_whole(ranks, case):
    encoder = encoder_of(case)
    state = encoder.progress.get_extra_state()
    for rank in range(2):  # both are in the same pass
        encoder.progress.set_extra_state(state)
        encoder.progress.train()
        (local_loss(encoder, rank) / 2).backward()
    expected = gradients(encoder)
    for found, loops in (rank[case] for rank in ranks):
        assert loops == encoder.loops_run.tolist()
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-6, atol=1e-6, msg=name)


@pytest.mark.parametrize("case", REFUSED)
def test_ranks_with_loops_of_their_own_are_refused(ranks, case):
    assert all(REFUSED[case][2] in rank[case] for rank in ranks)
