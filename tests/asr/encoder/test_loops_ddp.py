"""DistributedDataParallel in two processes gives the gradients of one process."""

import copy
from itertools import product

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.test_loops import (
    LENGTHS,
    PARTS,
    POLICIES,
    build,
    features,
    gradients,
    loss_of,
    outputs,
)

PASSES = 2


def local_loss(model, rank):
    """The loss of a rank's half of the batch, padded as the whole."""
    x, lengths = features()
    rows = slice(2 * rank, 2 * rank + 2)
    longest = max(LENGTHS[rows])
    return loss_of(*outputs(model(x[rows, :longest], lengths[rows])))


def train_in_two(rank, folder):
    """Accumulate the gradients of two passes in each case; rank 0 keeps them."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/init", rank=rank, world_size=2)
    found = {}
    for name, policy, part in cases():
        encoder = build(ARCHITECTURES[name], policy, part).train()
        ignored = without_gradient(encoder)
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(encoder, ignored)
        model = DistributedDataParallel(encoder)
        for _ in range(PASSES):
            local_loss(model, rank).backward()
        loops = None if encoder.loops_run is None else encoder.loops_run.tolist()
        found[name, policy, part] = gradients(encoder), loops
    torch.save(found, f"{folder}/rank{rank}.pth")
    dist.destroy_process_group()


def cases():
    return product(ARCHITECTURES, POLICIES, PARTS)


def without_gradient(encoder):
    """Parameters of ESPnet's own that never have one, such as biases that cancel out."""
    twin = copy.deepcopy(encoder)
    local_loss(twin, 0).backward()
    return [name for name, p in twin.named_parameters() if p.grad is None]


def test_two_processes_are_one(tmp_path):
    mp.spawn(train_in_two, (str(tmp_path),), nprocs=2)
    ranks = [torch.load(tmp_path / f"rank{rank}.pth") for rank in range(2)]
    for name, policy, part in cases():
        encoder = build(ARCHITECTURES[name], policy, part).train()
        state = None if encoder.progress is None else encoder.progress.get_extra_state()
        for rank in range(2):
            if state is not None:  # both ranks are in the same pass
                encoder.progress.set_extra_state(state)
                encoder.progress.train()
            for _ in range(PASSES):
                (local_loss(encoder, rank) / 2).backward()
        expected = gradients(encoder)
        for gradient, _ in (rank[name, policy, part] for rank in ranks):
            torch.testing.assert_close(
                gradient,
                expected,
                rtol=1e-6,
                atol=1e-6,
                msg=lambda text, case=(name, policy, part): f"{case}: {text}",
            )
        loops = [rank[name, policy, part][1] for rank in ranks]
        if policy in ("schedule", "uniform", "lognormal_poisson"):
            assert loops[0] == loops[1], "all ranks draw the same"
