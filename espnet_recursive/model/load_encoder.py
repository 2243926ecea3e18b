"""An encoder by the name of a row of the paper, or by the YAML that describes it."""

from pathlib import Path
from typing import Any

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder
from espnet_recursive.errors import UserError, did_you_mean
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.files.shared_files import encoder_file
from espnet_recursive.recipe.train_config import build_encoder
from espnet_recursive.registry import ENCODERS, encoder_class


def load_encoder(
    encoder: Path | str, input_size: int = 80, **options: Any
) -> LatentRecursiveEncoder:
    """Build a recursive encoder with weights at random, as a training begins.

    Args:
        encoder: A row of the paper's tables or another encoder that comes with this package
            ("L1"; ``espnet-recursive conf list`` shows them), an encoder file, or a training YAML.
        input_size: Dimension of the input features.
        **options: Options of the encoder, in the place of those of the file.

    Returns:
        The encoder, in training mode.

    Raises:
        UserError: If there is no such encoder, it is not a recursive one, or it cannot be built.

    Example:
        >>> encoder = load_encoder("L1", input_size=80, num_loops=3)
        >>> print(encoder.shape, encoder.num_loops)
        {4, 3, 2, 2} 3
    """
    path = Path(encoder)
    if path.is_dir():
        raise UserError(
            f"{encoder} is a folder. If it is that of a training, its config.yaml describes the "
            "encoder; with its weights it is the asr_model.encoder of "
            f"espnet_recursive.Speech2Text.from_pretrained({str(encoder)!r})."
        )
    source = encoder_file(str(encoder))
    config = read_yaml(source)
    name, conf = config.get("encoder"), config.get("encoder_conf") or {}
    if name not in ENCODERS:
        raise UserError(
            f"{source}: encoder is {name!r}, and a recursive one is none of ESPnet's own but "
            f"{', '.join(ENCODERS)}.{did_you_mean(name, ENCODERS)}"
        )
    if not isinstance(conf, dict):
        raise UserError(f"{source}: encoder_conf must hold options and their values, not {conf!r}")
    cls = encoder_class(name)
    # Without weights first, which refuses with a sentence what cannot be.
    build_encoder(cls, conf | options, input_size, source)
    return cls(input_size=input_size, **conf | options)
