"""DistributedDataParallel in two processes: the gradients and the progress of one process."""

import copy
from contextlib import nullcontext
from itertools import product

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from espnet_recursive.recursion.loop_policy_base import Progress
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import (
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


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two processes has found."""
    folder = tmp_path_factory.mktemp("ddp")
    mp.spawn(work_in_two, (str(folder),), nprocs=2)
    return [torch.load(folder / f"rank{rank}.pth") for rank in range(2)]


def work_in_two(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/init", rank=rank, world_size=2)
    found = {"gradients": accumulate(rank), "progress": count(rank)}
    torch.save(found, f"{folder}/rank{rank}.pth")
    dist.destroy_process_group()


# ---- Gradients


def accumulate(rank):
    """The gradients of two passes in each case, and the loops of this rank."""
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
    return found


def cases():
    """Every part where the ranks run different loops, and every policy with parts of each loop."""
    yield from product(ARCHITECTURES, ["length"], PARTS)
    yield from product(
        ARCHITECTURES, [policy for policy in POLICIES if policy != "length"], ["norms"]
    )


def without_gradient(encoder):
    """Parameters of ESPnet's own that never have one, such as biases that cancel out."""
    twin = copy.deepcopy(encoder)
    local_loss(twin, 0).backward()
    return [name for name, p in twin.named_parameters() if p.grad is None]


def test_two_processes_are_one(ranks):
    found = [rank["gradients"] for rank in ranks]
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
        for gradient, _ in (rank[name, policy, part] for rank in found):
            torch.testing.assert_close(
                gradient,
                expected,
                rtol=1e-6,
                atol=1e-6,
                msg=lambda text, case=(name, policy, part): f"{case}: {text}",
            )
        loops = [rank[name, policy, part][1] for rank in found]
        if policy in ("schedule", "uniform", "lognormal_poisson"):
            assert loops[0] == loops[1], "all ranks draw the same"


# ---- Progress


def count(rank):
    """Two epochs, steps of two passes, the first of which are not synchronised; then go on."""
    seen, states = [], None
    for epochs in (2, 1):
        encoder = build(ARCHITECTURES["transformer"], "uniform")
        if states is not None:  # as ESPnet resumes: all ranks from the file of the first
            encoder.load_state_dict(states)
        model = DistributedDataParallel(encoder)
        optimizer = torch.optim.SGD(encoder.parameters(), 1e-3)
        for _ in range(epochs):
            seen += train_epoch(model, optimizer, rank)
        box = [encoder.state_dict() if rank == 0 else None]
        dist.broadcast_object_list(box)
        (states,) = box
    return seen


def train_epoch(model, optimizer, rank):
    """Training and validation; the progress and the loops of each training pass."""
    seen = []
    model.train()
    for number in range(4):
        last = number % 2 == 1
        with nullcontext() if last else model.no_sync():
            local_loss(model, rank).backward()
        now = model.module.progress.now
        seen.append((now.epoch, now.step, now.forward, int(model.module.loops_run[0])))
        if last:
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        local_loss(model, rank)
    return seen


def test_ranks_count_alike_and_go_on_where_they_stopped(ranks):
    seen, other = (rank["progress"] for rank in ranks)
    assert seen == other
    assert [counts[:3] for counts in seen] == [(1 + n // 4, n // 2, n) for n in range(12)]
    policy = build(ARCHITECTURES["transformer"], "uniform").recursion.policy
    drawn = [int(policy(Progress(forward=n), torch.ones(1))) for n in range(12)]
    assert [loops for *_, loops in seen] == drawn and len(set(drawn)) > 1
