"""YAML files that hold a mapping."""

from pathlib import Path
from typing import Any

import yaml

from espnet_recursive.errors import UserError


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        UserError: If it is missing, is not YAML, or holds something else.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold keys and values, not {type(content).__name__}")
    return content
