"""Versions of ESPnet: which ones this package runs with, and all differences between them.

The other modules are written for the newest version that was tested; what older ones lack, or have
elsewhere, is made up for here. tools/check_versions.sh tries versions.

==================  ================================================================================
before 202611       The encoders have no option use_sdpa (attention layers without relative
                    positions can do it all the same); ``asr_inference`` computes CTC scores exactly
                    and has no option ctc_window_margin.
before 202610       ``asr_inference`` decodes one utterance at a time, and writes results within its
                    loop.
before 202609       ``espnet2.legacy`` is the package ``espnet``; there is no ``espnet3``.
before 202509       Not supported: NumPy 2 cannot be installed beside most of them.
==================  ================================================================================
"""

import logging
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec, spec_from_loader
from inspect import signature
from sys import meta_path
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook

from espnet_recursive.errors import UserError

#: The oldest that is supported, and those that were tried.
OLDEST = "202509"
TESTED = ("202509", "202511", "202609", "202610", "202611")
_LEGACY, _LEGACY_BEFORE = "espnet2.legacy", "espnet"


class EspnetError(UserError, ImportError):
    """This ESPnet is too old for this package."""


def installed() -> str | None:
    """The version of the ESPnet that pip knows; None where there is none.

    A clone that is on the path alone is none, and one that is installed may say 0.0.0.
    """
    try:
        return version("espnet")
    except PackageNotFoundError:
        return None


def adapt() -> None:
    """Have ESPnet checked when it is imported, and older ones look like the newest."""
    register_post_import_hook(_adapt, "espnet2")


def check_version(here: str | None) -> None:
    """Refuse a version that is too old; what has no number of a month is taken for new.

    Raises:
        EspnetError: Naming what is tested, what the older one lacks, and the remedy.
    """
    if here is not None and re.fullmatch(r"20\d{4}", here[:6]) and here[:6] < OLDEST:
        raise EspnetError(
            f"espnet_recursive runs with ESPnet {OLDEST} and later (tested: {', '.join(TESTED)}). "
            f"Here is {here}, which lacks what our encoders derive from, and fits no NumPy 2: "
            "pip install -U espnet"
        )


def names_of(module: str) -> tuple[str, ...]:
    """The names that a module of ``espnet2.legacy`` has in all versions, for post-import hooks."""
    inner = module.removeprefix(_LEGACY)
    return (module, _LEGACY_BEFORE + inner) if inner != module else (module,)


def _adapt(espnet2: ModuleType) -> None:
    check_version(installed())
    if find_spec(_LEGACY) is None:
        meta_path.insert(0, _Legacy())  # first: others find the files, but as further modules


class _Legacy(MetaPathFinder, Loader):
    """Gives the modules of ``espnet``, as they were called before, as those of ``espnet2.legacy``.

    Each stays one module under two names, so that there is one class of each kind.
    """

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname == _LEGACY or fullname.startswith(f"{_LEGACY}."):
            return spec_from_loader(fullname, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(_LEGACY_BEFORE + spec.name.removeprefix(_LEGACY))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # Run already, under its own name, whose specification it keeps.
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def use_sdpa(encoder: Any, wanted: bool) -> None:
    """Switch fused attention on in an encoder whose constructor has no option for it."""
    for module in encoder.modules() if wanted else ():
        if hasattr(module, "linear_q") and hasattr(module, "use_sdpa"):
            module.use_sdpa = True


def decodes_batches() -> bool:
    """Whether ESPnet's ``Speech2Text`` can search for several utterances together."""
    return hasattr(_asr_inference().Speech2Text, "batch_decode")


def inference_parser() -> Any:
    """The parser of ESPnet's ``asr_inference``, with the options of the newest version."""
    parser = _asr_inference().get_parser()
    if not any(action.dest == _MARGIN for action in parser._actions):
        parser.add_argument(
            f"--{_MARGIN}", type=int, default=0,
            help="frames about which CTC scores are computed; this ESPnet takes all: 0",
        )  # fmt: skip
    return parser


_MARGIN = "ctc_window_margin"


def inference_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of ``asr_inference`` as the installed ESPnet takes them.

    Raises:
        UserError: If one asks for what it cannot do.
    """
    given = dict(options)
    if _MARGIN not in signature(_asr_inference().inference).parameters and given.pop(_MARGIN, 0):
        raise UserError(
            f"{_MARGIN} {options[_MARGIN]}: ESPnet {installed()} computes CTC scores exactly, as "
            f"{_MARGIN} 0 does. Leave it out, or install ESPnet 202611 or later."
        )
    if given.get("batch_size", 1) > 1 and not decodes_batches():
        logging.info("ESPnet %s decodes one utterance at a time: batch_size is 1", installed())
        given["batch_size"] = 1
    return given


#: Takes ESPnet's writer, the utterance, and its results, or why there are none.
Writing = Callable[[Any, str, Any], None]


def writing_more(write: Writing, keys: list[str]) -> tuple[Callable[[Any], Any], dict[str, Any]]:
    """Have something written beside what ``asr_inference`` writes of each utterance, before 202610.

    Args:
        write: Writes it; instead of results it gets the exception of an utterance that is too
            short.
        keys: The utterances that are being decoded, kept up to date by the caller.

    Returns:
        A function that a recogniser goes through, and the names of ``asr_inference`` to replace.
    """
    espnet = _asr_inference()
    writers: list[Any] = []

    class Writer(espnet.DatadirWriter):  # type: ignore[name-defined]
        def __enter__(self) -> Any:
            writers.append(super().__enter__())
            return writers[-1]

    class Recogniser:
        def __init__(self, model: Any) -> None:
            self._model = model

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            try:
                results = self._model(*args, **kwargs)
            except espnet.TooShortUttError as error:
                write(writers[-1], keys[0], error)
                raise
            write(writers[-1], keys[0], results)
            return results

        def __getattr__(self, name: str) -> Any:
            return getattr(self._model, name)

    return Recogniser, {"DatadirWriter": Writer}


def _asr_inference() -> Any:
    return import_module("espnet2.bin.asr_inference")
