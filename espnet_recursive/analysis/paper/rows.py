"""The rows of the paper's tables that have a size: figures as printed there.

Source: "Rethinking Depth: A study of the Recursive-Transformer for Speech Recognition", Tables 1-3.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperRow:
    """One row: its table, the printed size in millions of parameters and the printed errors.

    Sizes count encoder layers only and are truncated, not rounded, to 0.1M. `errors` are WER of
    test-clean and test-other, or the CER for AISHELL-1, in percent. `baseline` is the row that the
    printed reduction refers to.
    """

    table: int
    size: float
    errors: tuple[float, ...]
    baseline: str

    @property
    def corpus(self) -> str:
        """The folder of the recipe in egs2."""
        return "aishell" if len(self.errors) == 1 else "librispeech"

    @property
    def unit(self) -> str:
        """The unit of the errors, "wer" or "cer"."""
        return "cer" if self.corpus == "aishell" else "wer"

    @property
    def error_rates(self) -> dict[str, float]:
        """The printed error of each test set, by the name that the recipe has for it."""
        test_sets = ("test",) if self.corpus == "aishell" else ("test_clean", "test_other")
        return dict(zip(test_sets, self.errors, strict=True))

    def has_size_of(self, layers: int) -> bool:
        """Whether an encoder with this number of parameters in its layers has the row's size.

        One of another size, as small recipes have, only corresponds to the row. ESPnet's
        Branchformer is 1.4 % larger than the printed one, and printed sizes are truncated to 0.1M.
        """
        return abs(layers / 1e6 - self.size) < 0.02 * self.size


PAPER_ROWS = {
    "B": PaperRow(1, 75.6, (2.12, 4.76), "B"),
    "R1": PaperRow(1, 37.8, (2.15, 5.03), "B"),
    "R2": PaperRow(1, 18.9, (2.25, 5.23), "B"),
    "R3": PaperRow(1, 12.6, (2.32, 5.24), "B"),
    "R4": PaperRow(1, 3.1, (2.78, 6.49), "B"),
    "L1": PaperRow(1, 25.2, (2.16, 4.92), "B"),
    "L2": PaperRow(1, 15.7, (2.31, 5.30), "B"),
    "L3": PaperRow(1, 75.6, (2.03, 4.73), "B"),
    "loops_1": PaperRow(2, 25.2, (2.44, 5.63), "B"),
    "loops_2": PaperRow(2, 25.2, (2.23, 5.12), "B"),
    "loops_10": PaperRow(2, 25.2, (2.18, 4.94), "B"),
    "loops_20": PaperRow(2, 25.2, (2.31, 5.30), "B"),
    "loops_length": PaperRow(2, 25.2, (2.22, 5.05), "B"),
    "loops_schedule": PaperRow(2, 25.2, (2.13, 4.97), "B"),
    "B2": PaperRow(3, 15.7, (6.43,), "B2"),
    "L4": PaperRow(3, 7.8, (6.50,), "B2"),
    "B3": PaperRow(3, 101.6, (1.97, 4.86), "B3"),
    "L5": PaperRow(3, 33.6, (2.04, 4.62), "B3"),
}
