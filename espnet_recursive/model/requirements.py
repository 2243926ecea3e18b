"""Which versions a published model needs, and where pip finds this package."""

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from espnet_recursive import __url__, __version__
from espnet_recursive.errors import UserError
from espnet_recursive.registry import ENCODERS, FRONTENDS, MODELS

_PACKAGE = "espnet_recursive"
#: What a model may need without a question, by canonical names.
_KNOWN = ("espnet-recursive", "espnet", "espnet-model-zoo", "torch", "torchaudio")


def needs_this_package(config: Mapping[str, Any]) -> bool:
    """Whether a model has an encoder, a frontend or a class that ESPnet does not have by itself."""
    features = config.get("input_size") is not None
    return (
        config.get("encoder") in ENCODERS
        or config.get("model") in MODELS
        or (not features and config.get("frontend") in FRONTENDS)
    )


def requirements_of(config: Mapping[str, Any]) -> list[str]:
    """The requirements of a model that was trained and packed here.

    They have no upper bounds: which ESPnet a version of this package fits is said by that version,
    and models outlive versions.

    Args:
        config: The configuration of its training.
    """
    requirements = [f"espnet>={version('espnet')}"]
    if needs_this_package(config):
        requirements.insert(0, f"{_PACKAGE}>={__version__}")
    return requirements


def check_requirements(requires: Iterable[str], source: str) -> None:
    """Refuse a model that needs other versions than those installed.

    Args:
        requires: Requirements as pip reads them.
        source: What asks for them, for messages.

    Raises:
        UserError: Naming what is needed, what is here, and the command that mends it.
    """
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            said = str(error).splitlines()[0]  # the others point at the place
            raise UserError(
                f"{source}: {text!r}, under requires, names no package and version: {said}"
            ) from error
        if requirement.url is not None:
            # No command to copy: what is there is known to whoever wrote it.
            raise UserError(f"{source}: {text!r}, under requires, is an address, and no version.")
        here = _installed(requirement.name)
        if here is None or not requirement.specifier.contains(here, prereleases=True):
            needs = f"{source} needs {text}, here is {here or 'none'}: "
            if canonicalize_name(requirement.name) not in _KNOWN:
                # Else a model could have anything installed, by those who copy the command.
                raise UserError(f"{needs}find out what {requirement.name} is, and install it.")
            raise UserError(f"{needs}pip install -U {_pip_argument(text, requirement.name)}")


def source_url() -> str | None:
    """Where pip gets this package from, as it was installed; None where only a folder is known.

    That is the repository that pip recorded when it installed the package, or the one that the
    package itself names (``espnet_recursive.__url__``).
    """
    named = f"git+{__url__}" if __url__ else None
    try:
        installed = distribution(_PACKAGE)
    except PackageNotFoundError:  # on the path only
        return named
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if "vcs_info" in origin:
        return f"{origin['vcs_info']['vcs']}+{origin['url']}"
    return named


def _installed(name: str) -> str | None:
    if canonicalize_name(name) == canonicalize_name(_PACKAGE):
        return __version__
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _pip_argument(requirement: str, name: str) -> str:
    url = source_url() if canonicalize_name(name) == canonicalize_name(_PACKAGE) else None
    return f'"{_PACKAGE} @ {url}"' if url else f'"{requirement}"'
