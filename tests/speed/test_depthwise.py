"""The depthwise convolution on channels that are last, against torch's own."""

import pytest
import torch

from espnet_recursive.speed.depthwise import ChannelsLastConv1d


@pytest.mark.parametrize("frames", [1, 5, 40])
@pytest.mark.parametrize(("kernel", "bias"), [(3, True), (31, True), (7, False)])
def test_same_as_torch(kernel, bias, frames):
    torch.manual_seed(0)
    conv = torch.nn.Conv1d(12, 12, kernel, padding=(kernel - 1) // 2, groups=12, bias=bias)
    ours = ChannelsLastConv1d(conv)
    for x in (torch.randn(2, frames, 12).transpose(1, 2), torch.randn(2, 12, frames)):
        with torch.no_grad():
            torch.testing.assert_close(ours(x), conv(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "module",
    [
        torch.nn.Conv1d(4, 4, 3),
        torch.nn.Conv1d(4, 8, 3, groups=4),
        torch.nn.Conv1d(4, 4, 3, groups=4, stride=2),
        torch.nn.Conv1d(4, 4, 3, groups=4, padding="same"),
        torch.nn.Conv1d(4, 4, 3, groups=4, padding=1, padding_mode="circular"),
        torch.nn.Conv2d(4, 4, 3, groups=4),
        torch.nn.Linear(4, 4),
    ],
    ids=str,
)
def test_others_are_left_alone(module):
    assert not ChannelsLastConv1d.supports(module)
