"""A sample of bounded size."""

import torch

from espnet_recursive.analysis.even_sample import EvenSample


def sampled(rows, limit, chunk):
    sample = EvenSample(limit)
    for part in rows.split(chunk):
        sample.add(part)
    return sample.rows


def test_all_rows_where_they_are_few():
    rows = torch.arange(12.0).reshape(6, 2)
    kept = sampled(rows, 10, 2)
    assert sorted(kept.tolist()) == rows.tolist()


def test_even_over_all_that_come():
    rows = torch.arange(20000.0)
    kept = sampled(rows, 1000, 77)
    assert len(kept) == len(kept.unique()) == 1000
    # Four standard deviations of a mean of 1000.
    assert abs(kept.mean() - 10000) < 4 * 20000 / 12**0.5 / 1000**0.5
    thirds = torch.histc(kept, 4, 0, 20000)
    assert thirds.min() > 250 - 4 * (250 * 0.75) ** 0.5


def test_the_same_again():
    rows = torch.randn(500, 3)
    assert torch.equal(sampled(rows, 50, 20), sampled(rows, 50, 20))
