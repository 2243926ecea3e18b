"""Which of our models are rows of the paper's tables, and what they recognised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from espnet2.utils.get_default_kwargs import get_default_kwargs

from espnet_recursive.analysis.paper import PAPER_ROWS, PaperRow
from espnet_recursive.analysis.parameters import EncoderSize, measure_config
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.bootstrap import Improvement, improvement
from espnet_recursive.recipe.results import find_real_time_factors, find_scores
from espnet_recursive.recipe.scoring import Score, headline_unit, read_utterances
from espnet_recursive.recipe.train_config import (
    espnet_encoder_class,
    read_encoder_config,
    read_yaml,
)
from espnet_recursive.registry import ENCODERS, encoder_class


@dataclass(frozen=True)
class Result:
    """One data set as one decoding of one model recognised it.

    Attributes:
        experiment: The experiment directory.
        decoding: The name of the decoding.
        test_set: The name of the data set.
        unit: What its errors are counted in: "wer", or "cer" for Chinese.
        score: The counts.
        rtf: The real time factor of the decoding, where it is known.
    """

    experiment: Path
    decoding: str
    test_set: str
    unit: str
    score: Score
    rtf: float | None

    @property
    def utterances(self) -> Path:
        """The counts of each utterance."""
        directory = self.experiment / self.decoding / self.test_set
        return directory / f"score_{self.unit}" / "utterances.tsv"


@dataclass(frozen=True)
class Row:
    """One row: what the paper says of it, and what we have of it.

    Attributes:
        name: Its name, which its encoder file has too.
        size: What its encoder holds.
        paper: The paper's figures; None for a row that is not the paper's.
        experiments: The directories of the models that have this encoder.
        results: What these recognised.
    """

    name: str
    size: EncoderSize
    paper: PaperRow | None
    experiments: Sequence[Path]
    results: Sequence[Result]


def read_rows(
    names: Sequence[str],
    rows_dir: Path | str,
    folders: Sequence[Path | str],
    decoding: str = "*",
) -> list[Row]:
    """Find the models of the paper's rows and their results.

    A model belongs to a row if its encoder and all options of that are those of the row's file,
    whatever the model is called.

    Args:
        names: The rows.
        rows_dir: The folder of their encoder files, <name>.yaml.
        folders: Experiment directories, or folders of such.
        decoding: Only decodings with such a name; * and ? stand for other characters.

    Raises:
        UserError: If a row has no file, or a folder does not exist.
    """
    files = [_row_file(rows_dir, name) for name in names]
    encoders = {path.parent: _encoder(path) for path in _find_configs(folders)}
    rows = []
    for name, file in zip(names, files, strict=True):
        encoder, paper = _encoder(file), PAPER_ROWS.get(name)
        experiments = [path for path, other in encoders.items() if other == encoder]
        results = [r for path in experiments for r in _read_results(path, paper, decoding)]
        rows.append(Row(name, measure_config(file), paper, experiments, results))
    return rows


def compare_results(first: Result, second: Result) -> Improvement | None:
    """Compare two results utterance by utterance.

    Returns:
        The comparison; None if the utterances or their references differ, or their counts are not
        there.
    """
    if not (first.utterances.exists() and second.utterances.exists()):
        return None
    one, other = read_utterances(first.utterances), read_utterances(second.utterances)
    units = {name: counts.units for name, counts in one.items()}
    if units != {name: counts.units for name, counts in other.items()}:
        return None
    return improvement(
        [one[name].errors for name in units],
        [other[name].errors for name in units],
        list(units.values()),
    )


def _row_file(rows_dir: Path | str, name: str) -> Path:
    path = Path(rows_dir) / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in Path(rows_dir).glob("*.yaml"))) or "none"
        raise UserError(f"{path} does not exist: there is no row {name}. Rows: {known}")
    read_encoder_config(path)
    return path


def _find_configs(folders: Sequence[Path | str]) -> list[Path]:
    configs: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UserError(f"{folder} does not exist: name experiments, or the folder of them.")
        own = folder / "config.yaml"
        configs += [own] if own.exists() else sorted(folder.glob("asr_*/config.yaml"))
    return configs


def _encoder(path: Path) -> tuple[str, dict[str, Any]]:
    """The encoder of a configuration and all its options, with those that ESPnet fills in."""
    config = read_yaml(path)
    name = config.get("encoder", "none")
    if name in ENCODERS:
        cls = encoder_class(name)
    else:  # ESPnet's tasks take seconds to import, so only where they are needed
        cls = espnet_encoder_class(name, source=path)
    return name, get_default_kwargs(cls) | (config.get("encoder_conf") or {})


def _read_results(experiment: Path, paper: PaperRow | None, decoding: str) -> Iterator[Result]:
    scores = {unit: find_scores(experiment, unit) for unit in ("wer", "cer")}
    factors = find_real_time_factors(experiment)
    for key, words in scores["wer"].items():
        name, test_set = key.rsplit("/", 1)
        unit = paper.unit if paper else headline_unit(words)
        if fnmatchcase(name, decoding) and key in scores[unit]:
            rtf = factors.get(key, {}).get("rtf")
            yield Result(experiment, name, test_set, unit, scores[unit][key], rtf)
