"""The progress of an export."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def steps(number: int) -> Iterator[Callable[[str], None]]:
    """A progress bar; calling the function that it yields begins a step."""
    with tqdm(total=number, unit="step", disable=None) as bar:
        begun = False

        def begin(name: str) -> None:
            nonlocal begun
            bar.update(begun)
            bar.set_description(name)
            begun = True

        yield begin
        bar.update(begun)
