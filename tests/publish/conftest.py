"""A trained recipe with its pack, and a hub, for all tests of publishing."""

import shutil
from pathlib import Path

import pytest

from espnet_recursive.publish.pack import Publication, TrainedModel, pack
from tests.publish.experiments import FAST, Recipe, working_directory
from tests.publish.hub_server import running_hub
from tests.recipe.conftest import trainings  # noqa: F401


@pytest.fixture(autouse=True)
def private_home(tmp_path, monkeypatch):
    """Caches and tokens of this test alone."""
    import huggingface_hub.constants as hub

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(hub, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))


@pytest.fixture(scope="session")
def recipe(tmp_path_factory) -> Recipe:
    """A recipe after training; tests that write into it take a copy."""
    return Recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="session")
def packed(recipe) -> Path:
    """Its pack, with the language model."""
    path = recipe.root / "exp" / "asr_recursive" / "asr_recursive.zip"
    model = TrainedModel(
        **recipe.model,
        lm_train_config=recipe.lm / "config.yaml",
        lm_file=recipe.lm / "valid.acc.ave.pth",
        option=(recipe.asr / "RESULTS.md",),
    )
    decoding = {key: FAST[key] for key in ("beam_size", "ctc_window_margin")}
    with working_directory(recipe.root):
        pack(model, Publication("cc-by-4.0", "en", ("an4",), decoding), path)
    return path


@pytest.fixture
def pack_copy(packed, tmp_path) -> Path:
    """The pack, to be damaged."""
    return Path(shutil.copy(packed, tmp_path / "copy.zip"))


@pytest.fixture
def hub(monkeypatch):
    """A hub that this process uploads to and downloads from."""
    import huggingface_hub.constants as constants

    with running_hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        files = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        # Its other storage has a protocol of its own, inside a compiled library.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield running
