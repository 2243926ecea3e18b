"""A training does not go on with other tokens than it began with."""

from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.fingerprint import tokens_of
from espnet_recursive.recipe.settings_differences import different_tokens


def check_tokens(
    exp: Path | str, token_list: Path | str, option: str, number: int | None = None
) -> None:
    """Refuse to train a model with other tokens than it has learnt.

    That is known before data are prepared for it, and of weights without a fingerprint, too.

    Args:
        exp: The experiment; one without checkpoint.pth has learnt nothing yet.
        token_list: The tokens that it would be trained with, one a line.
        option: The option that gives the experiment another name, for the message.
        number: How many tokens there will be, where the list is not there yet.

    Raises:
        UserError: If the tokens, or their order or number, are others.
    """
    exp, token_list = Path(exp), Path(token_list)
    if not (exp / "checkpoint.pth").exists() or not (exp / "config.yaml").exists():
        return
    learnt = tokens_of(read_yaml(exp / "config.yaml"))
    if not isinstance(learnt, list):
        return
    if token_list.exists():
        tokens = tokens_of({"token_list": str(token_list)})
        difference = "" if tokens == learnt else different_tokens(learnt, tokens)
    elif number is None or number == len(learnt):
        difference = ""
    else:
        difference = f"{len(learnt)} tokens there, {number} here"
    if difference:
        raise UserError(
            f"{exp} was trained with other tokens than {token_list}, which its weights do not know "
            f"({difference}). Choose another --{option}, or remove {exp} to train it anew."
        )
