"""Which encoders and frontends we have, and which ESPnet tasks take them; nothing else knows.

ESPnet finds its encoders in ``<task module>.encoder_choices.classes``, a plain dict from a lower
case name to a class, and its frontends in ``frontend_choices`` likewise. ESPnet's task modules take
seconds to import, so :func:`register` does not import them: it leaves a post-import hook with each,
and ours are there when the module is.
"""

import warnings
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from types import ModuleType

from wrapt import register_post_import_hook

from espnet_recursive import espnet_versions
from espnet_recursive.extras import missing_library

_ENCODER_ROOM = "espnet_recursive.asr.encoder"
_FRONTEND_ROOM = "espnet_recursive.asr.frontend"

#: ESPnet name of each encoder -> (module, class)
ENCODERS: dict[str, tuple[str, str]] = {
    "latent_recursive_transformer": (
        f"{_ENCODER_ROOM}.latent_recursive_transformer_encoder",
        "LatentRecursiveTransformerEncoder",
    ),
    "latent_recursive_branchformer": (
        f"{_ENCODER_ROOM}.latent_recursive_branchformer_encoder",
        "LatentRecursiveBranchformerEncoder",
    ),
    "latent_recursive_conformer": (
        f"{_ENCODER_ROOM}.latent_recursive_conformer_encoder",
        "LatentRecursiveConformerEncoder",
    ),
    "latent_recursive_e_branchformer": (
        f"{_ENCODER_ROOM}.latent_recursive_e_branchformer_encoder",
        "LatentRecursiveEBranchformerEncoder",
    ),
}

#: ESPnet name of each recogniser with a loss of ours, for the task asr -> (module, class)
MODELS: dict[str, tuple[str, str]] = {
    "espnet_cr_ctc": (
        "espnet_recursive.asr.model.consistency_regularised_asr_model",
        "ConsistencyRegularisedASRModel",
    ),
    "espnet_self_distilled": (
        "espnet_recursive.asr.model.self_distilled_asr_model",
        "SelfDistilledASRModel",
    ),
}

#: ESPnet name of each frontend -> (module, class)
FRONTENDS: dict[str, tuple[str, str]] = {
    "kaldi_fbank": (f"{_FRONTEND_ROOM}.kaldi_fbank", "KaldiFbank"),
    "sphinx_mfcc": (f"{_FRONTEND_ROOM}.sphinx_mfcc", "SphinxMFCC"),
}

#: Task module -> its ``ClassChoices`` that hold general speech encoders. Left out: s2t_ctc, whose
#: encoders are called with other arguments; asr_transducer, which has no choices; lid and spk,
#: whose encoders embed speakers; hubert, beats and asvspoof, which are bound to one architecture.
TASK_CHOICES: dict[str, tuple[str, ...]] = {
    "espnet2.tasks.asr": ("encoder_choices",),
    "espnet2.tasks.s2t": ("encoder_choices",),
    "espnet2.tasks.slu": ("encoder_choices",),
    "espnet2.tasks.st": (
        "encoder_choices",
        "extra_mt_encoder_choices",
        "md_encoder_choices",
        "hier_encoder_choices",
    ),
    "espnet2.tasks.mt": ("encoder_choices",),
    "espnet2.tasks.ssl": ("encoder_choices",),
    "espnet2.tasks.s2st": ("encoder_choices", "unit_encoder_choices"),
    "espnet2.tasks.cls": ("encoder_choices",),
    "espnet2.tasks.diar": ("encoder_choices",),
    # Copies that these modules made of the choices above when they were imported:
    "espnet2.tasks.enh_s2t": (
        "asr_encoder_choices",
        "st_encoder_choices",
        "diar_encoder_choices",
    ),
    "espnet2.tasks.gan_tok": ("asr_encoder_choices",),
    "espnet3.systems.esp2_asr.task": ("encoder_choices",),
}


#: Task module -> its ``ClassChoices`` that hold frontends of speech, among the tasks above. Left
#: out: mt, whose frontends embed tokens; gan_tok and the recogniser of enh_s2t have ASR's own.
FRONTEND_CHOICES: dict[str, tuple[str, ...]] = {
    "espnet2.tasks.asr": ("frontend_choices",),
    "espnet2.tasks.s2t": ("frontend_choices",),
    "espnet2.tasks.slu": ("frontend_choices",),
    "espnet2.tasks.st": ("frontend_choices",),
    "espnet2.tasks.ssl": ("frontend_choices",),
    "espnet2.tasks.s2st": ("frontend_choices",),
    "espnet2.tasks.cls": ("frontend_choices",),
    "espnet2.tasks.diar": ("frontend_choices",),
    "espnet2.tasks.enh_s2t": ("diar_frontend_choices",),  # a copy, as above
    "espnet3.systems.esp2_asr.task": ("frontend_choices",),
}

#: Our recogniser for inference, by which ``espnet.load`` loads models of the task asr.
SPEECH2TEXT = ("espnet_recursive.publish.speech2text", "Speech2Text")


def encoder_class(name: str) -> type:
    """Import and return the encoder class that ESPnet knows as `name`."""
    return _class_of(ENCODERS[name])


def frontend_class(name: str) -> type:
    """Import and return the frontend class that ESPnet knows as `name`."""
    return _class_of(FRONTENDS[name])


def _class_of(place: tuple[str, str]) -> type:
    module, attribute = place
    return getattr(import_quietly(module), attribute)


def import_quietly(module: str) -> ModuleType:
    """Import a module of ESPnet without its note that flash attention failed to import.

    The note goes to standard error wherever flash attention, which is optional, is not installed,
    and reads as if something were wrong.

    Raises:
        MissingLibrary: If ESPnet, or a library of another extra, is not installed.
    """
    try:
        with redirect_stderr(StringIO()):
            return import_module(module)
    except ModuleNotFoundError as error:
        if (said := missing_library(error)) is None:
            raise
        raise said from error


def register() -> None:
    """Add ours to every ESPnet task, those imported already and those imported later."""
    espnet_versions.adapt()
    for module in TASK_CHOICES:
        register_post_import_hook(add_encoders, module)
    register_post_import_hook(add_models, "espnet2.tasks.asr")
    for module in FRONTEND_CHOICES:
        register_post_import_hook(add_frontends, module)
    register_post_import_hook(serve_load, "espnet")


def serve_load(espnet: ModuleType) -> None:
    """Have ``espnet.load`` build recognisers with our checks and options, such as num_loops."""
    tasks = getattr(espnet, "TASKS", {})  # of ESPnet 202611; before, the package held other code
    if "asr" in tasks:
        tasks["asr"] = SPEECH2TEXT


def add_models(task: ModuleType) -> None:
    """Add the recognisers with losses of ours to the model choices of ESPnet's task asr."""
    for name, (module, attribute) in MODELS.items():
        ours = getattr(import_quietly(module), attribute)
        if task.model_choices.classes.setdefault(name, ours) is not ours:
            raise RuntimeError(
                f"{task.__name__}.model_choices has another class under the name {name!r}. "
                "Import only one of the two packages."
            )


def add_encoders(task: ModuleType) -> None:
    """Add the encoders to the class choices of one imported task module.

    Raises:
        RuntimeError: If another class has one of the names.
    """
    _add(task, TASK_CHOICES[task.__name__], ENCODERS)


def add_frontends(task: ModuleType) -> None:
    """Add the frontends to the class choices of one imported task module.

    Raises:
        RuntimeError: If another class has one of the names.
    """
    _add(task, FRONTEND_CHOICES[task.__name__], FRONTENDS)


def _add(task: ModuleType, choices: tuple[str, ...], ours: dict[str, tuple[str, str]]) -> None:
    for attribute in choices:
        if not hasattr(task, attribute):
            # The others of this task, and other tasks, can be used all the same.
            warnings.warn(
                f"{task.__name__} of ESPnet {espnet_versions.installed()} has no {attribute}, so "
                f"{', '.join(ours)} cannot be chosen there; {espnet_versions.TESTED[-1]} has it",
                stacklevel=2,
            )
            continue
        classes = getattr(task, attribute).classes
        for name, place in ours.items():
            cls = _class_of(place)
            if classes.setdefault(name, cls) is not cls:
                raise RuntimeError(
                    f"{task.__name__}.{attribute} has another class under the name {name!r}: "
                    f"{classes[name].__module__}.{classes[name].__qualname__}. "
                    "Import only one of the two packages."
                )
