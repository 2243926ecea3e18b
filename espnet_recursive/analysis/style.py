"""One look for all pictures: readable in print, and for people who do not see all colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Okabe and Ito's palette, which stays distinct under the common colour deficiencies.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Lines differ in more than colour.
LINES = ("-", "--", "-.", ":")

_RC: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.dpi": 150,
    "font.size": 10,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.bbox": "tight",
    "svg.fonttype": "none",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in this style inside the block, without a screen."""
    import matplotlib

    with matplotlib.rc_context(_RC | {"backend": "agg"}):
        yield
