"""One style for all pictures: readable in print, and by colour-blind people."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file

#: Okabe and Ito's palette, which stays distinct under the common colour deficiencies.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Lines differ in more than colour.
LINES = ("-", "--", "-.", ":")
#: So do the points on them.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
#: For what is not the result itself: limits, rings, figures of others.
GREY = "0.35"

#: What pictures may be written as.
_FORMATS = (".png", ".svg", ".pdf")

_RC: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "errorbar.capsize": 2.5,
    "figure.dpi": 150,
    "font.size": 10,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.bbox": "tight",
    "svg.fonttype": "none",
    "svg.hashsalt": "espnet_recursive",  # the same picture is the same file
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in this style inside the block, without a screen."""
    import matplotlib

    with matplotlib.rc_context(_RC | {"backend": "agg"}):
        yield


def plain_numbers(axis: Any) -> None:
    """Write 0.5, 2 and 20 at a logarithmic axis, no powers of ten, and only as many as fit.

    Args:
        axis: ``axes.xaxis`` or ``axes.yaxis``, its scale being set.
    """
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


@contextmanager
def picture(
    outputs: Path | str | Sequence[Path | str], *panels: int, **options: Any
) -> Iterator[tuple[Any, Any]]:
    """Give a figure and its axes; what the block has drawn is written, whole or not at all.

    Args:
        outputs: The picture's path, or several; their suffixes (.png, .svg, .pdf) say the formats.
        panels: Rows and columns of panels; one panel by default.
        options: Of ``matplotlib.pyplot.subplots``.

    Raises:
        UserError: If a suffix is none of the formats, before anything is drawn.

    Example:
        >>> with picture("curve.svg", figsize=(4, 3)) as (figure, axes):  # doctest: +SKIP
        ...     axes.plot([1, 2, 3])
    """
    paths = list(map(Path, [outputs] if isinstance(outputs, (str, Path)) else outputs))
    for path in paths:
        if path.suffix not in _FORMATS:
            raise UserError(f"{path}: a picture's name ends in {', '.join(_FORMATS)}.")
    import matplotlib.pyplot as plt

    with ExitStack() as stack:
        stack.enter_context(house_style())
        figure, axes = plt.subplots(*panels, layout="constrained", **options)
        stack.callback(plt.close, figure)
        yield figure, axes
        for path in paths:
            # Dates would make files of the same picture differ.
            dated = {"metadata": {"Date": None}} if path.suffix == ".svg" else {}
            with whole_file(path, "wb") as file:
                figure.savefig(file, format=path.suffix[1:], **dated)
