"""The encoders are in every task of ESPnet, whichever is imported first."""

import json
import sys
from types import ModuleType

import pytest
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from espnet2.train.class_choices import ClassChoices

from espnet_recursive import registry

#: Tasks with encoders that ours cannot stand in for; registry.py says why.
NOT_OURS = {
    "espnet2.tasks.asvspoof",
    "espnet2.tasks.beats",
    "espnet2.tasks.hubert",
    "espnet2.tasks.lid",
    "espnet2.tasks.s2t_ctc",
    "espnet2.tasks.spk",
}

IMPORT_TASKS = """
from importlib import import_module
from pkgutil import iter_modules
import espnet2.tasks
TASKS = ["espnet2.tasks." + m.name for m in iter_modules(espnet2.tasks.__path__)]
TASKS = [import_module(name) for name in [*TASKS, "espnet3.systems.esp2_asr.task"]]
"""
IMPORT_PACKAGE = """
import espnet_recursive
from espnet_recursive import registry
registry.register()
"""
# Every choice of general encoders in ESPnet, with its names and classes.
REPORT = """
import json
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.train.class_choices import ClassChoices
print(json.dumps([
    [task.__name__, attribute, {name: cls.__name__ for name, cls in choices.classes.items()}]
    for task in TASKS
    for attribute, choices in vars(task).items()
    if isinstance(choices, ClassChoices) and issubclass(choices.base_type or int, AbsEncoder)
]))
"""
# Every choice of frontends of speech, and those of the tasks above that have some.
FRONTENDS = """
from espnet2.asr.frontend.abs_frontend import AbsFrontend
print(json.dumps([
    [task.__name__, attribute, {name: cls.__name__ for name, cls in choices.classes.items()}]
    for task in TASKS
    if task.__name__ in registry.TASK_CHOICES
    for attribute, choices in vars(task).items()
    if isinstance(choices, ClassChoices) and issubclass(choices.base_type or int, AbsFrontend)
]))
"""


def test_importing_the_package_imports_no_torch_and_no_espnet(run_python):
    light = "import espnet_recursive, sys; print(*sys.modules)"
    modules = run_python("-c", light).stdout.split()
    assert "espnet_recursive.registry" in modules
    assert not {"torch", "numpy", "espnet", "espnet2", "espnet3"} & set(modules)


@pytest.mark.parametrize("order", ["package first", "tasks first"])
def test_every_task_has_the_encoders_and_those_of_speech_the_frontends(run_python, order):
    parts = [IMPORT_PACKAGE, IMPORT_TASKS]
    code = "".join(parts if order == "package first" else reversed(parts))
    result = run_python("-c", code + REPORT + FRONTENDS)
    assert result.returncode == 0, result.stderr
    encoders, frontends = map(json.loads, result.stdout.splitlines()[-2:])
    check(encoders, registry.ENCODERS, registry.TASK_CHOICES, lacking=NOT_OURS, sharing=set())
    # The frontends of mt embed tokens; gan_tok has the very choices of asr.
    check(frontends, registry.FRONTENDS, registry.FRONTEND_CHOICES,
          lacking={"espnet2.tasks.mt"}, sharing={"espnet2.tasks.gan_tok"})  # fmt: skip


def check(report, ours, choices, lacking, sharing):
    """Each choice of a report has all of ours or none, and ESPnet's own beside them."""
    names = {name: cls for name, (_, cls) in ours.items()}
    have, lack = {}, set()
    for task, attribute, classes in report:
        if names.items() <= classes.items():
            have.setdefault(task, set()).add(attribute)
            assert len(set(classes) - set(names)) > 1, "ESPnet's own are gone"
        else:
            lack.add(task)
            assert not names.keys() & classes.keys()
    assert lack == lacking
    for task, attributes in choices.items():
        assert have.pop(task) >= set(attributes)
    assert have.keys() == sharing


def test_names_are_what_espnet_takes():
    for name in registry.ENCODERS:
        assert name == name.lower()
        assert name.startswith("latent_recursive_")
        assert issubclass(registry.encoder_class(name), AbsEncoder)
    choices = ClassChoices(
        "encoder", {n: registry.encoder_class(n) for n in registry.ENCODERS}, AbsEncoder
    )
    assert choices.get_class("latent_recursive_transformer") is registry.encoder_class(
        "latent_recursive_transformer"
    )


def task(**choices) -> ModuleType:
    """A module with the name and the attributes of ESPnet's ASR task."""
    module = ModuleType("espnet2.tasks.asr")
    for attribute, classes in choices.items():
        setattr(module, attribute, ClassChoices("encoder", classes, AbsEncoder))
    return module


def test_adding_keeps_espnets_encoders_and_their_order():
    asr = task(encoder_choices={"transformer": TransformerEncoder})
    registry.add_encoders(asr)
    assert list(asr.encoder_choices.classes) == ["transformer", *registry.ENCODERS]
    assert asr.encoder_choices.get_class("transformer") is TransformerEncoder
    for name in registry.ENCODERS:
        assert asr.encoder_choices.get_class(name) is registry.encoder_class(name)


def test_adding_twice_changes_nothing():
    asr = task(encoder_choices={"transformer": TransformerEncoder})
    registry.add_encoders(asr)
    once = dict(asr.encoder_choices.classes)
    registry.add_encoders(asr)
    assert asr.encoder_choices.classes == once


def test_a_name_that_another_class_has_is_not_taken():
    name = "latent_recursive_branchformer"
    asr = task(encoder_choices={name: TransformerEncoder})
    with pytest.raises(RuntimeError) as error:
        registry.add_encoders(asr)
    assert f"espnet2.tasks.asr.encoder_choices has another class under the name {name!r}" in str(
        error.value
    )
    assert "espnet2.asr.encoder.transformer_encoder.TransformerEncoder" in str(error.value)
    assert asr.encoder_choices.classes[name] is TransformerEncoder


def test_choices_that_another_espnet_has_not_are_left_out():
    """A task of several choices keeps the encoders in the others."""
    other = task(encoder_choices={"transformer": TransformerEncoder})
    other.__name__ = "espnet2.tasks.s2st"
    said = "espnet2.tasks.s2st of ESPnet .* has no unit_encoder_choices, so latent_recursive_"
    with pytest.warns(UserWarning, match=said):
        registry.add_encoders(other)
    assert registry.ENCODERS.keys() <= other.encoder_choices.classes.keys()


def test_registering_does_not_import_tasks():
    before = {name for name in sys.modules if name in registry.TASK_CHOICES}
    registry.register()
    assert {name for name in sys.modules if name in registry.TASK_CHOICES} == before
