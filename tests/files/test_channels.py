"""Which channel is taken."""

import numpy as np
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import check_channel, one_channel

STEREO = np.array([[0.5, -0.25], [0.25, 0.75]], np.float32)


@pytest.mark.parametrize(
    ("channel", "expected"), [("1", [0.5, 0.25]), ("2", [-0.25, 0.75]), ("mean", [0.125, 0.5])]
)
def test_chosen(channel, expected):
    taken = one_channel(STEREO, check_channel(channel), "a.wav")
    assert taken.dtype == np.float32 and taken.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(taken, expected)


@pytest.mark.parametrize("channel", [None, "1", "mean"])
def test_one_is_itself(channel):
    np.testing.assert_array_equal(one_channel(STEREO[:, :1], channel, "a.wav"), [0.5, 0.25])


def test_none_is_chosen():
    with pytest.raises(UserError, match=r"a\.wav has 2 channels: .* --channel 1 to 2, .* mean"):
        one_channel(STEREO, None, "a.wav")


def test_there_are_fewer():
    with pytest.raises(UserError, match=r"a\.wav has no channel 3 \(--channel\), but 2"):
        one_channel(STEREO, "3", "a.wav")


@pytest.mark.parametrize("channel", ["0", "-1", "left", "1.0", "", "²"])
def test_no_channel(channel):
    with pytest.raises(UserError, match="expected the number of a channel from 1, or mean"):
        check_channel(channel)
