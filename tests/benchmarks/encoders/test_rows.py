"""Rows as encoders: the competitors compute the same."""

import pytest
import torch

from benchmarks.encoders.competitors import CONTAINER, ESPNET, SYSTEMS, competitors
from benchmarks.encoders.counted import count
from benchmarks.encoders.rows import Unavailable, recursive, stock
from benchmarks.encoders.work import Work
from espnet_recursive.files.shared_files import paper_rows_dir


@pytest.mark.parametrize("row, depth", [("B", 24), ("L1", 24), ("L5", 24), ("L4", 12)])
def test_stock_has_the_depth_that_a_row_executes(rows, row, depth):
    encoder = stock(rows, row, {})
    assert len(list(encoder.encoders)) == depth == len(list(recursive(rows, row, {}).encoders))


def test_the_container_is_the_stock_encoder(rows):
    defaults, *_ = competitors(ESPNET, "B", "inference", ["defaults"])
    batch = Work("inference", 2, 60).batch(0, "cpu")
    with torch.no_grad():
        ours, theirs = (
            c.build(rows, "cpu", "inference")(batch) for c in (CONTAINER, defaults)
        )  # fmt: skip
    assert torch.equal(ours, theirs)


def test_an_option_that_this_version_lacks(rows):
    with pytest.raises(Unavailable, match="has no option warp_drive"):
        recursive(rows, "L1", {"warp_drive": True})


def test_stock_without_the_row_s_attention(rows):
    attention = stock(rows, "B", {}).encoders[0].self_attn
    assert not attention.use_sdpa
    assert stock(rows, "B", {"use_sdpa": True}).encoders[0].self_attn.use_sdpa


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("kind", ["inference", "training"])
def test_first_setting_is_the_plain_one(system, kind):
    first, *others = competitors(system, "B", kind)
    assert first.setting.name in ("defaults", "as configured")
    assert len({str(c) for c in (first, *others)}) == len(others) + 1


def test_counted():
    assert count(paper_rows_dir(), "B").all_reduce == 4 * 75_657_216
    assert count(paper_rows_dir(), "L1").optimizer == 8 * 25_219_072
