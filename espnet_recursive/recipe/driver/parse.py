"""The command line of the stage driver, and its help."""

import textwrap
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from espnet_recursive.errors import UserError
from espnet_recursive.files.shared_files import encoder_file
from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.option_table import GROUPS, OPTIONS

#: Columns of the help.
_WIDTH = 100
_HEAD = """\
Usage: {called_as} [--option value ...]

Values in brackets hold without the option; what a recipe's run.sh sets is among them. Several words
are one value, "0.9 1.0", in which quotes hold a word together, "--corpus_dir '/a b'".
Stages: 1 data, 2 speed perturbation, 3 audio format, 4 filtering, 5 tokens, 6 LM statistics,
7 LM training, 8 LM perplexity, 9 n-gram, 10 statistics, 11 training, 12 decoding, 13 scoring,
14 packing, 15 upload. Not there: 9.
"""
_TAIL = """
A step is done again when its command, or the content of a file that it reads, is another than when
it was done (weights, language model, tokens, YAMLs and data tables; not the audio that wav.scp
names), or when its stamp, .done.<step>, was removed. Times of files do not count, and statistics
depend only on what can change them: not on max_epoch, batches, the optimiser or the encoder.
Trainings go on after their last epoch; with other tokens they are refused.
"""


def parse(words: Sequence[str]) -> dict[str, str]:
    """Read ``--name value ...``, in which a name may have hyphens for underscores, as in Kaldi.

    The last of several values of one option holds.

    Args:
        words: The arguments.

    Returns:
        The value of every option.

    Raises:
        UsageError: If an option is unknown, has no value, or is given another one than true or
            false where those are its values.
    """
    values = {name: option.default for name, option in OPTIONS.items()}
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            raise UsageError(f"expected --name value, found: {word}")
        name = word[2:].replace("-", "_")
        if name not in OPTIONS:
            near = get_close_matches(name, OPTIONS, n=1)
            hint = f". Did you mean --{near[0]}?" if near else ""
            raise UsageError(f"unknown option --{name}{hint}")
        value = next(rest, None)
        if value is None:
            raise UsageError(f"--{name} needs a value")
        if OPTIONS[name].default in ("true", "false"):
            OPTIONS[name].check(value)
        values[name] = value
    return values


def with_encoder_file(values: Mapping[str, str]) -> dict[str, str]:
    """The values, in which an encoder's name such as ``L1`` is the path of its file.

    Raises:
        UsageError: If there is no such encoder.
    """
    if not values["encoder_config"]:
        return dict(values)
    try:
        return {**values, "encoder_config": str(encoder_file(values["encoder_config"]))}
    except UserError as error:
        raise UsageError(f"--encoder_config {error}") from error


def help_message(values: Mapping[str, str], called_as: str) -> str:
    """The options and their values.

    Args:
        values: What :func:`parse` gives.
        called_as: The name of the script.
    """
    lines = [_HEAD.format(called_as=called_as)]
    for title, options in GROUPS.items():
        lines.append(title)
        width = max(len(option.name) for option in options)
        for option in options:
            wrapped = textwrap.wrap(
                option.help.replace("{}", values[option.name]),
                _WIDTH,
                initial_indent=f"    --{option.name:<{width}}  ",
                subsequent_indent=" " * (width + 8),
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines += wrapped
    return "\n".join([*lines, _TAIL.rstrip()])
