"""Our models that are rows of the paper's tables, and their results."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from espnet2.utils.get_default_kwargs import get_default_kwargs

from espnet_recursive.analysis.paper.rows import PAPER_ROWS, PaperRow
from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.parameters import EncoderSize, measure_config
from espnet_recursive.recipe.results import (
    find_decoding_facts,
    find_real_time_factors,
    find_scores,
)
from espnet_recursive.recipe.same_training import check_beside
from espnet_recursive.recipe.scoring import Score, headline_unit
from espnet_recursive.recipe.train_config import espnet_encoder_class, read_encoder_config
from espnet_recursive.registry import ENCODERS, encoder_class

#: Keys of a training's configuration that do not change the model, or are looked at by themselves.
_NOT_SETTINGS = (
    "config|output_dir|seed|encoder|encoder_conf|resume|required|version|print_config|dry_run|ngpu|"
    "num_workers|num_att_plot|use_matplotlib|use_tensorboard|create_graph_in_tensorboard|use_wandb|"
    "local_rank|multiprocessing_distributed|distributed|(log|wandb|dist)_.*"
)
#: Keys that say where the data are: a model of other data has another set, not another --dumpdir.
_DATA = "(train|valid)_(data_path_and_name_and_type|shape_file)"
#: The number of loops in the name of a decoding that has no decoding.json, as earlier versions
#: left it.
_LOOPS_IN_NAME = re.compile(r"_num_loops(\d+)")


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes:
        path: The experiment directory.
        seed: The seed of its training.
        settings: What it was trained with besides encoder and seed, as JSON.
        input_size: Dimension of its features.
    """

    path: Path
    seed: int = 0
    settings: str = "{}"
    input_size: int = 80


@dataclass(frozen=True)
class Result:
    """The result of one model on one data set in one decoding.

    Attributes:
        model: The model.
        decoding: The name of the decoding.
        test_set: The name of the data set.
        unit: The unit of its errors: "wer", or "cer" for Chinese.
        score: The counts.
        figures: What rtf.json says of the decoding, where it is there: "rtf", and with a recursive
            encoder "mean_loops" and "mean_executed_layers".
        options: Those of the decoding, from its decoding.json; None where it has none.
    """

    model: Model
    decoding: str
    test_set: str
    unit: str
    score: Score
    figures: Mapping[str, float | None] = field(default_factory=dict)
    options: Mapping[str, Any] | None = None

    @property
    def utterances(self) -> Path:
        """The counts of each utterance."""
        directory = self.model.path / self.decoding / self.test_set
        return directory / f"score_{self.unit}" / "utterances.tsv"

    @property
    def own_decoding(self) -> str:
        """The name of the decoding at the model's own depth.

        run.sh names a decoding at another depth after that one and the number of loops.
        """
        if self.decoded_at is None:
            return self.decoding
        return re.sub(rf"_num_loops{self.decoded_at}(?!\d)", "", self.decoding)

    @property
    def decoded_at(self) -> int | None:
        """The number of loops that the decoding was told; None for the model's own depth."""
        if self.options is not None:
            return self.options.get("num_loops")
        loops = _LOOPS_IN_NAME.search(self.decoding)
        return int(loops[1]) if loops else None


@dataclass(frozen=True)
class Row:
    """One row: the paper's figures, and our models and results.

    Attributes:
        name: Its name, which its encoder file has too.
        size: The size of its encoder.
        paper: The figures of the paper's row of this name; None if there is no such row.
        models: The models that have this encoder.
        results: Their results.
        policy: The encoder's loop policy.
        encoder: ESPnet's name of the encoder.
        options: All options of the encoder, with the defaults of those that its file leaves out.
    """

    name: str
    size: EncoderSize
    paper: PaperRow | None
    models: Sequence[Model]
    results: Sequence[Result]
    policy: str = "fixed"
    encoder: str = "latent_recursive_transformer"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_papers(self) -> bool:
        """Whether it is the paper's row itself, not a smaller one that corresponds to it."""
        return self.paper is not None and self.paper.has_size_of(self.size.layers)


def read_rows(
    names: Sequence[str],
    rows_dir: Path | str,
    folders: Sequence[Path | str],
    decoding: str = "*",
) -> list[Row]:
    """Find the models of the rows and their results.

    A model belongs to a row if its encoder and all options of that are those of the row's file,
    whatever the model is called.

    Args:
        names: The rows.
        rows_dir: The folder of their encoder files, <name>.yaml.
        folders: Experiment directories, or folders of such.
        decoding: Only decodings whose names match this pattern with * and ?.

    Raises:
        UserError: If a row has no file, a folder does not exist, or a config.yaml is not that of
            the weights beside it.
    """
    files = [_row_file(rows_dir, name) for name in names]
    models = [(_encoder(path), _model(path)) for path in _find_configs(folders)]
    input_size = models[0][1].input_size if models else Model.input_size
    rows = []
    for name, file in zip(names, files, strict=True):
        encoder, paper = _encoder(file), PAPER_ROWS.get(name)
        own = [model for other, model in models if other == encoder]
        size = measure_config(file, own[0].input_size if own else input_size)
        policy = encoder[1].get("loop_policy", "fixed")
        row = Row(name, size, paper, own, [], policy, *encoder)
        unit = paper.unit if paper and row.is_papers else None
        results = [result for model in own for result in _read_results(model, unit, decoding)]
        rows.append(replace(row, results=results))
    return rows


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


def _model(path: Path) -> Model:
    check_beside(path)
    config = read_yaml(path)
    settings = {
        k: _below_dump(v) if re.fullmatch(_DATA, k) else v
        for k, v in config.items()
        if not re.fullmatch(_NOT_SETTINGS, k)
    }
    return Model(
        path.parent,
        config.get("seed") or 0,
        json.dumps(settings, sort_keys=True, default=str),
        config.get("input_size") or Model.input_size,
    )


def _below_dump(value: Any) -> Any:
    """Paths in lists, of which the last folder and the name are left: train/wav.scp."""
    if isinstance(value, (list, tuple)):
        return [_below_dump(item) for item in value]
    return "/".join(Path(value).parts[-2:]) if isinstance(value, str) else value


def _read_results(model: Model, unit: str | None, decoding: str) -> Iterator[Result]:
    scores = {unit: find_scores(model.path, unit) for unit in ("wer", "cer")}
    figures = find_real_time_factors(model.path)
    options = find_decoding_facts(model.path)
    for key, words in scores["wer"].items():
        name, test_set = key.rsplit("/", 1)
        own = unit or headline_unit(words)
        if fnmatchcase(name, decoding) and key in scores[own]:
            score = scores[own][key]
            yield Result(model, name, test_set, own, score, figures.get(key, {}), options.get(key))
