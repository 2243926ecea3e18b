"""Similarities of states."""

import numpy as np
import pytest
import torch

from espnet_recursive.analysis.layer_similarity import layer_similarity, linear_cka
from espnet_recursive.errors import UserError


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


UTTERANCES = [random(3, frames, 8, seed=frames) + 0.5 for frames in (5, 40, 17)]
FRAMES = torch.cat(UTTERANCES, dim=1)


@pytest.fixture(scope="module")
def result():
    return layer_similarity(UTTERANCES)


def test_cosine_is_the_mean_over_all_frames(result):
    expected = torch.cosine_similarity(FRAMES[:, None], FRAMES[None], dim=-1).mean(-1)
    assert np.allclose(result.cosine, expected, atol=1e-6)
    assert (result.layers, result.utterances, result.frames) == (2, 3, 62)


def test_strangers_are_all_other_frames(result):
    unit = torch.nn.functional.normalize(FRAMES, dim=-1)
    cosines = torch.einsum("itd,jud->ijtu", unit, unit)
    others = ~torch.eye(62, dtype=torch.bool)
    assert np.allclose(result.strangers, cosines[..., others].mean(-1), atol=1e-6)


def test_cka_of_a_sample(result):
    """All frames where they are fewer than the sample holds; else nearly the same."""
    assert result.cka_frames == 62
    assert np.allclose(result.cka, linear_cka(FRAMES), atol=1e-5)
    base = random(1, 3000, 8)
    states = torch.cat([base, base + random(1, 3000, 8, seed=1)])
    some = layer_similarity(states.split(100, dim=1), cka_frames=1000)
    assert some.cka_frames == 1000
    assert np.allclose(some.cka, linear_cka(states), atol=0.05)


def test_cka_by_its_definition():
    """HSIC_1 of Song et al. 2012, as it is written there."""
    states = random(2, 9, 4).double()
    grams = states @ states.mT
    grams.diagonal(dim1=1, dim2=2).zero_()
    one, n = torch.ones(9, dtype=torch.double), 9

    def hsic(k, m):
        return (
            (k @ m).trace()
            + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
            - 2 / (n - 2) * (one @ k @ m @ one)
        )

    (k, m), (mixed, own) = grams, linear_cka(states)
    assert mixed[1].item() == pytest.approx((hsic(k, m) / (hsic(k, k) * hsic(m, m)).sqrt()).item())
    assert own[1].item() == pytest.approx(1)


def test_cka_knows_neither_rotation_nor_size_nor_place():
    states = random(50, 8)
    turned = 3 * states @ torch.linalg.qr(random(8, 8, seed=1))[0] + random(8, seed=2)
    similarity = linear_cka(torch.stack([states, turned]))
    assert torch.allclose(similarity, torch.ones(2, 2, dtype=torch.double), atol=1e-4)


def test_cka_of_what_has_nothing_in_common_is_nothing():
    """The estimate that is not unbiased says 0.5 here."""
    assert linear_cka(random(2, 400, 400))[0, 1].abs() < 0.03


@pytest.mark.parametrize(
    "states, message",
    [
        ([], "0 frames of speech are too few"),
        ([random(3, 2, 4)], "2 frames of speech are too few"),
        ([random(5, 9, 4), random(7, 9, 4)], r"\(4 and 6 layers executed\): say with --num_loops"),
    ],
)
def test_refused(states, message):
    with pytest.raises(UserError, match=message):
        layer_similarity(states)


@pytest.mark.parametrize("frames", [-1, 0, 1, 3])
def test_too_few_frames_for_cka(frames):
    """Before anything is encoded; of one frame CKA is no number."""
    with pytest.raises(UserError, match=f"--cka_frames {frames}: .* fewer than 4"):
        layer_similarity(iter(()), frames)
    states = torch.randn(3, 20, 5)
    assert np.isfinite(layer_similarity([states], 4).cka).all()
