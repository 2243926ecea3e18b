"""Checks that a model can be exported; others are refused with the reason."""

from espnet_recursive.errors import UserError
from espnet_recursive.export.loop_rows import check_signals
from espnet_recursive.model.loaded_model import RECURSIVE_NAMES, STOCK_NAMES, LoadedModel


def check_exportable(loaded: LoadedModel, num_loops: int | None, loops_as_input: bool) -> None:
    """Refuse what has no place in the file.

    Args:
        loaded: The model.
        num_loops: Loops asked for; None for what is configured.
        loops_as_input: Whether the number of loops is to be an input of the file.

    Raises:
        UserError: Naming the option or the key, and what can be done.
    """
    known = (*RECURSIVE_NAMES, *STOCK_NAMES)
    if loaded.encoder not in known:
        raise UserError(
            f"{loaded.name}: encoder {loaded.encoder} cannot be exported. Those that can: "
            f"{', '.join(known)}"
        )
    for part in ("preencoder", "postencoder"):
        if getattr(loaded.model, part, None) is not None:
            raise UserError(
                f"{loaded.name} has {part} {loaded.config[part]}, which is not exported: the file "
                "would hold a part only of what the model computes"
            )
    conf = loaded.encoder_conf
    if conf.get("input_layer") == "embed":
        raise UserError(f"{loaded.name}: input_layer embed takes tokens, and only features can be")
    for key in ("interctc_use_conditioning", "ctc_trim"):
        if conf.get(key):
            raise UserError(f"{loaded.name}: {key} acts between layers and cannot be exported")
    if strides := conf.get("loop_strides"):
        if set(strides) != {1}:
            raise UserError(
                f"{loaded.name}: loop_strides={strides} cannot be exported: the file holds the "
                "recurrent block once, traced at one time resolution. Run it with PyTorch, where "
                "--encoder_precision prepares it."
            )
    if loaded.encoder in STOCK_NAMES and loaded.model.encoder.chunk_conf.at_inference():
        raise UserError(
            f"{loaded.name}: chunk_size={conf['chunk_size']} cannot be exported: the file would "
            "see whole utterances. Run it with PyTorch."
        )
    if loaded.encoder in STOCK_NAMES:
        _check_loops(loaded, num_loops)
    elif num_loops is not None or loops_as_input:
        raise UserError(
            f"{loaded.name}: its encoder, {loaded.encoder}, runs each layer once: leave "
            "--num_loops and --loops_as_input out"
        )


def _check_loops(loaded: LoadedModel, num_loops: int | None) -> None:
    if num_loops is not None and num_loops < 1:
        raise UserError(f"--num_loops {num_loops}: at least 1")
    if num_loops is None and loaded.encoder_conf.get("loop_policy") == "length":
        raise UserError(
            f"{loaded.name}: with loop_policy length each utterance has a number of loops of its "
            "own, and the file runs the same for all: choose it with --num_loops"
        )
    check_signals(loaded.model.encoder.encoders)
