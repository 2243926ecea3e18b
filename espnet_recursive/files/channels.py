"""One channel of audio that has several."""

import numpy as np

from espnet_recursive.errors import UserError

#: What ``--channel`` says in the help of commands.
CHANNEL_HELP = "which channel of audio with several: 1, 2, ..., or mean (default: refuse such)"


def check_channel(channel: str) -> str:
    """Refuse what is no choice of a channel.

    Raises:
        UserError: If it is neither a number from 1, nor "mean".
    """
    if channel != "mean" and not (channel.isascii() and channel.isdigit() and int(channel)):
        raise UserError(f"{channel!r}: expected the number of a channel from 1, or mean")
    return channel


def one_channel(samples: np.ndarray, channel: str | None, name: str) -> np.ndarray:
    """Take a channel, or the mean of all.

    Args:
        samples: (samples, channels).
        channel: Its number, from 1; "mean"; or None where there is to be only one.
        name: Whose samples they are, for messages.

    Returns:
        (samples,).

    Raises:
        UserError: If there are several and none is chosen, or fewer than the chosen one.
    """
    channels = samples.shape[1]
    if channel is None and channels > 1:
        raise UserError(
            f"{name} has {channels} channels: choose one with --channel 1 to {channels}, or their "
            "mean with --channel mean."
        )
    if channel == "mean":
        return samples.mean(axis=1, dtype=samples.dtype)
    number = int(channel or 1)
    if number > channels:
        raise UserError(f"{name} has no channel {number} (--channel), but {channels}.")
    return np.ascontiguousarray(samples[:, number - 1])
