"""YAML files that hold a mapping."""

from pathlib import Path
from typing import Any

import yaml

from espnet_recursive.errors import UserError, reason


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
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not YAML but binary, or text that is not in UTF-8: {error.reason} at byte "
            f"{error.start}. Is it the right file?"
        ) from error
    # A ValueError of dates and numbers that there are not, such as 2026-02-30.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not YAML: {reason(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold keys and values, not {type(content).__name__}")
    return content
