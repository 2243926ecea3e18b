"""The options of chunks, and the masks that follow from them."""

import pytest
import torch

from espnet_recursive.asr.streaming.chunks import ChunkConf, Chunks, chosen_chunks


def conf(**keys):
    return ChunkConf.from_conf({"chunk_size": 0, "num_left_chunks": -1} | keys)


def test_a_mask_by_hand():
    seen = Chunks(2, 1).attention_mask(None, torch.empty(1, 5, 3))
    assert seen.int().tolist() == [
        [
            [1, 1, 0, 0, 0],
            [1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0],
            [1, 1, 1, 1, 0],
            [0, 0, 1, 1, 1],
        ]
    ]


def test_frames_of_padding_see_themselves():
    masks = torch.tensor([[[True, True, False, False]]])
    seen = Chunks(2, 0).attention_mask(masks, torch.empty(1, 4, 3))
    assert seen[0, 2:].int().tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_inference_has_the_first_of_each_and_training_draws_all():
    made = conf(chunk_size=[8, 16, 0], num_left_chunks=[2, 4])
    assert made.at_inference() == Chunks(8, 2)
    torch.manual_seed(0)
    drawn = {made.drawn() for _ in range(100)}
    assert drawn == {None, *(Chunks(size, left) for size in (8, 16) for left in (2, 4))}


def test_one_value_draws_no_number():
    state = torch.get_rng_state()
    assert conf(chunk_size=8).drawn() == Chunks(8) and conf().drawn() is None
    assert torch.equal(torch.get_rng_state(), state)
    assert not conf().is_used and conf(chunk_size=[0, 4]).is_used


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"chunk_size": -1}, "chunk_size must be an integer of 0 or more"),
        ({"chunk_size": 2.5}, "chunk_size must be"),
        ({"chunk_size": []}, "chunk_size must be"),
        ({"chunk_size": [8, True]}, "chunk_size must be"),
        ({"chunk_size": 8, "num_left_chunks": -2}, "num_left_chunks must be an integer of -1"),
        ({"num_left_chunks": 2}, "num_left_chunks needs chunk_size"),
    ],
    ids=str,
)
def test_what_cannot_be(keys, said):
    with pytest.raises(ValueError, match=said):
        conf(**keys)


def test_strides_do_not_pool_over_the_end_of_a_chunk():
    with pytest.raises(ValueError, match=r"chunk_size=6 must be a multiple .*\[4, 2\].*of 4"):
        chosen_chunks(6, None, [4, 2])
    assert chosen_chunks(8, None, [4, 2]) == Chunks(8, -1)
    assert chosen_chunks(0, 3, [4]) is None
    assert Chunks(8, 2).at(4) == Chunks(2, 2)
