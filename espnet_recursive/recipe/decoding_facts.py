"""decoding.json: the depth, the weights and the options with which a data set was decoded.

Each decoding job writes one beside its 1best_recog, and stage 12 one for the data set. Tables and
pictures read the depth from there; the name of a decoding is for people.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file

_NAME = "decoding.json"
#: Options of ``asr_inference`` that concern one job or its log, and not what is recognised.
_OF_A_JOB = frozenset(
    ("output_dir", "data_path_and_name_and_type", "key_file", "log_level", "num_workers")
)


def write_decoding_facts(
    output_dir: Path | str, options: Mapping[str, Any], recursion: Mapping[str, int] | None
) -> None:
    """Write decoding.json.

    Args:
        output_dir: The directory of the decoding.
        options: All options of ``asr_inference`` as they were used, those of the decoding YAML
            among them. ``num_loops`` is None where the model ran at its own depth.
        recursion: The four numbers of the model's tuple, by their names in ``encoder_conf``; None
            for a stock encoder.
    """
    facts = {key: value for key, value in options.items() if key not in _OF_A_JOB}
    with whole_file(Path(output_dir) / _NAME) as file:
        json.dump(facts | {"recursion": recursion}, file, indent=2, default=str)
        file.write("\n")


def read_decoding_facts(decode_dir: Path | str) -> dict[str, Any] | None:
    """Read decoding.json.

    Args:
        decode_dir: The directory of a decoding.

    Returns:
        The options and the "recursion"; None for decodings that do not have the file, such as those
        of earlier versions and of ESPnet's own command.

    Raises:
        UserError: If the file is damaged.
    """
    path = Path(decode_dir) / _NAME
    if not path.exists():
        return None
    remedy = "Remove it, or decode again."
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}). {remedy}") from error
    if not isinstance(facts, dict):
        raise UserError(f"{path} is no JSON object. {remedy}")
    return facts


def join_decoding_facts(job_dirs: Sequence[Path | str], output_dir: Path | str) -> None:
    """Write decoding.json of a data set from those of the jobs that decoded it.

    Nothing is written where the jobs have none, and a file of an earlier decoding is removed.

    Args:
        job_dirs: The output directories of the jobs.
        output_dir: Where the joined files go.

    Raises:
        UserError: If the jobs decoded with different options.
    """
    target = Path(output_dir) / _NAME
    facts = {
        Path(job_dir): found
        for job_dir in job_dirs
        if (found := read_decoding_facts(job_dir)) is not None
    }
    if not facts or len(facts) < len(job_dirs):
        target.unlink(missing_ok=True)
        return
    (first, expected), *others = facts.items()
    for job_dir, found in others:
        different = sorted(
            key for key in {*expected, *found} if expected.get(key) != found.get(key)
        )
        if different:
            key = different[0]
            raise UserError(
                f"{first} and {job_dir} were decoded with different options: {key} is "
                f"{expected.get(key)!r} and {found.get(key)!r}. Remove {job_dir.parent} and "
                "decode again."
            )
    with whole_file(target) as file:
        file.write((first / _NAME).read_text(encoding="utf-8"))
