"""What processes that tests start need, to be stopped as users stop them."""

import signal


def heed_ctrl_c() -> None:
    """Undo that SIGINT is ignored, as it is in all that a script starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
