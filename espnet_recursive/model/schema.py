"""Schemas of meta.yaml and config.yaml that a trained model must satisfy to be loaded."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from espnet_recursive.errors import UserError, is_integer
from espnet_recursive.files.read_yaml import read_yaml

#: The arguments of ``Speech2Text`` that meta.yaml may give: files of a recogniser.
YAML_FILES = ("asr_train_config", "lm_train_config")
FILES = ("asr_model_file", "lm_file", "ngram_file", "bpemodel", "prompt_token_file")

#: Tokens that stand for nothing in ESPnet's own converter; those of others may come twice.
_OTHER_TOKENS = ("hugging_face", "whisper")
#: Options that hold the arguments of a class, whose name is another option: `encoder_conf`.
_CONF = "_conf"
#: Those that are read whatever the name is.
_ALWAYS = ("model_conf", "ctc_conf", "preprocessor_conf")
#: Requirements of a model, and characters of one.
_MAX_REQUIRES = 100
_MAX_REQUIREMENT = 200
#: Characters of a value that a message shows.
_SHOWN = 180
#: What pydantic says -> what users of YAML call it.
_KINDS = {
    "dict_type": "keys and values",
    "mapping_type": "keys and values",
    "list_type": "a list",
    "string_type": "text",
    "string_pattern_mismatch": "a name without line breaks",
    "string_too_long": "a name of a file",
    "int_type": "a whole number",
    "bool_type": "true or false",
}

_Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]+$", max_length=4096)]


def _listed(value: Any) -> Any:
    """A single requirement may stand without a list."""
    listed = [value] if isinstance(value, str) else value or []
    if isinstance(listed, list) and (
        len(listed) > _MAX_REQUIRES
        or any(isinstance(text, str) and len(text) > _MAX_REQUIREMENT for text in listed)
    ):
        raise ValueError(
            f"must be at most {_MAX_REQUIRES} requirements of {_MAX_REQUIREMENT} characters"
        )
    return listed


def _tokens(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of tokens, or the name of a file of them")
    for number, token in enumerate(value, 1):
        if not isinstance(token, str):
            raise ValueError(f"token {number} is {token!r}, which is no text: put it in quotes")
    return value


class _Schema(BaseModel):
    # Values are not converted, and keys of other versions pass.
    model_config = ConfigDict(strict=True, extra="allow")


class Meta(_Schema):
    """meta.yaml of a pack."""

    yaml_files: dict[str, _Name]
    files: dict[str, _Name]
    requires: Annotated[list[str], BeforeValidator(_listed)] = []
    recursion: dict[str, int] | None = None
    archive: str | None = None


class _Config(_Schema):
    """Keys that both tasks read when they build a model."""

    token_list: Annotated[Any, AfterValidator(_tokens)]
    model_conf: Mapping[str, Any]
    init: str | None

    @model_validator(mode="after")
    def _check_options(self) -> "_Config":
        extra = self.model_extra or {}
        for key in extra:
            if key.endswith(_CONF):
                self._check_conf(key, getattr(self, key.removesuffix(_CONF), None), extra[key])
        return self

    @staticmethod
    def _check_conf(key: str, name: Any, conf: Any) -> None:
        if name is None and key not in _ALWAYS:
            return
        if not isinstance(conf, dict) or not all(isinstance(option, str) for option in conf):
            said = _short(repr(conf))
            raise ValueError(f"{key} must hold the names of options and their values, not {said}")


class AsrConfig(_Config):
    """config.yaml of a recogniser."""

    token_type: str | None
    bpemodel: str | None
    input_size: int | None
    ctc_conf: Mapping[str, Any]
    frontend: str | None
    specaug: str | None
    normalize: str | None
    preencoder: str | None = None
    encoder: str | None = None
    postencoder: str | None = None
    decoder: str | None = None
    model: str | None = "espnet"
    preprocessor: str | None = None
    non_linguistic_symbols: str | None = None
    use_adapter: bool = False

    @model_validator(mode="after")
    def _check_tokens(self) -> "AsrConfig":
        own = not any(word in (self.token_type or "") for word in _OTHER_TOKENS)
        if own and isinstance(self.token_list, list):
            token, times = Counter(self.token_list).most_common(1)[0]
            if times > 1:
                raise ValueError(f"token_list has {token!r} {times} times")
        return self

    @model_validator(mode="after")
    def _check_windows(self) -> "AsrConfig":
        """Refuse windows that ESPnet's own frontend takes, and fails on with the first speech."""
        conf = (self.model_extra or {}).get("frontend_conf")
        if self.frontend != "default" or self.input_size is not None or not isinstance(conf, dict):
            return self
        sizes = {key: conf.get(key) for key in ("n_fft", "win_length", "hop_length")}
        for key, value in sizes.items():
            if value is not None and not is_integer(value, 1):
                raise ValueError(f"frontend_conf.{key} must be 1 or more samples, not {value!r}")
        n_fft, win_length = sizes["n_fft"] or 512, sizes["win_length"] or 1
        if win_length > n_fft:
            raise ValueError(
                f"frontend_conf.win_length must be at most n_fft, {n_fft}, not {win_length}"
            )
        return self


class LmConfig(_Config):
    """config.yaml of a language model."""

    lm: str
    model: str | None = "lm"


def read_meta(path: Path, source: str) -> dict[str, Any]:
    """Read the meta.yaml of a recogniser's pack.

    Args:
        path: The file.
        source: The model, for messages.

    Raises:
        UserError: If it cannot be read, a key has a value of another type, it is of another task,
            or it names what is no file of a recogniser: ESPnet would take it for an option of
            decoding, such as the device.
    """
    meta = read_yaml(path)
    _check(Meta, meta, f"{source}: meta.yaml")
    given = [*meta["yaml_files"], *meta["files"]]
    if not {"asr_train_config", "asr_model_file"} <= set(given):
        raise UserError(f"{source} is no recogniser: meta.yaml lists {_shown(given) or 'nothing'}")
    for key, known in (("yaml_files", YAML_FILES), ("files", FILES)):
        if others := [name for name in meta[key] if name not in known]:
            raise UserError(
                f"{source}: meta.yaml has {_shown(others)} under {key}, which names no file of a "
                f"recogniser. Known are {', '.join(known)}."
            )
    return meta


def check_config(config: Mapping[Any, Any], source: Path | str, lm: bool = False) -> None:
    """Refuse a configuration that lacks what loading reads, or has it of another type.

    Args:
        config: The content of config.yaml.
        source: Where it is from, for messages.
        lm: Whether it is that of a language model.

    Raises:
        UserError: Naming the key.
    """
    _check(LmConfig if lm else AsrConfig, config, str(source))


def read_model_config(path: Path | str, lm: bool = False) -> dict[str, Any]:
    """Read and check a config.yaml, of a recogniser or of a language model.

    Raises:
        UserError: As :func:`read_yaml` and :func:`check_config` raise it.
    """
    config = read_yaml(path)
    check_config(config, path, lm)
    return config


def _check(schema: type[BaseModel], values: Mapping[Any, Any], source: str) -> None:
    if others := [key for key in values if not isinstance(key, str)]:
        raise UserError(f"{source}: the key {others[0]!r} is no name")
    try:
        schema.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise UserError(f"{source} has no {key}, which loading a model needs") from error
        if first["type"] == "value_error":
            said = str(first["ctx"]["error"])
            raise UserError(f"{source}: {f'{key}: ' if key else ''}{said}") from error
        kind = _KINDS.get(first["type"]) or first["msg"].removeprefix("Input should be ")
        found = _short(repr(first["input"]))
        raise UserError(f"{source}: {key} must be {kind}, not {found}") from error


def _shown(names: list[str]) -> str:
    """Names of a stranger: without control characters, and not all of a great many."""
    text = ", ".join(name if name.isidentifier() else repr(name) for name in names)
    return _short(text)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."
