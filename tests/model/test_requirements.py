"""Versions that a model needs."""

import json
from importlib.metadata import Distribution

import pytest
from packaging.requirements import Requirement

import espnet_recursive
from espnet_recursive.errors import UserError
from espnet_recursive.model import requirements
from espnet_recursive.model.requirements import check_requirements, requirements_of, source_url

HERE = espnet_recursive.__version__


def test_a_model_needs_what_it_was_packed_with():
    recursive = {"encoder": "latent_recursive_transformer"}
    stock = {"encoder": "conformer", "frontend": "default", "input_size": None}
    both = [f"espnet_recursive>={HERE}", "espnet>=202611"]
    assert requirements_of(recursive) == both
    assert requirements_of(stock) == ["espnet>=202611"]
    assert requirements_of(stock | {"frontend": "kaldi_fbank"}) == both
    assert requirements_of(stock | {"frontend": "kaldi_fbank", "input_size": 80}) == both[1:]
    assert requirements_of(stock | {"model": "espnet_cr_ctc"}) == both
    check_requirements(both, "model.zip")


def test_a_newer_version_of_this_package():
    with pytest.raises(UserError) as error:
        check_requirements(["espnet>=202611", "espnet-recursive>=9.9"], "model.zip")
    assert str(error.value) == (
        f"model.zip needs espnet-recursive>=9.9, here is {HERE}: "
        'pip install -U "espnet-recursive>=9.9"'
    )


def test_another_espnet():
    with pytest.raises(UserError, match=r"needs espnet<202601, here is 2026\d\d: pip install -U"):
        check_requirements(["espnet<202601"], "model.zip")


def test_a_package_that_is_not_installed():
    with pytest.raises(UserError, match="needs no-such-package>=1, here is none"):
        check_requirements(["no-such-package>=1"], "model.zip")


@pytest.mark.parametrize("text", ["no-such-package>=1", "no-such-package"])
def test_no_command_installs_what_a_stranger_names(text):
    with pytest.raises(UserError, match="find out what no-such-package is") as error:
        check_requirements([text], "model.zip")
    assert "pip install" not in str(error.value)


def test_an_address_is_no_version():
    with pytest.raises(UserError, match="is an address, and no version"):
        check_requirements(["espnet @ https://127.0.0.1/$(x)"], "model.zip")


def test_what_is_no_requirement():
    with pytest.raises(UserError, match="model.zip: 'espnet >> 3', under requires, names no"):
        check_requirements(["espnet >> 3"], "model.zip")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install this package's metadata with what pip wrote into it."""

    def install(metadata: str = "", direct_url: dict | None = None) -> None:
        (tmp_path / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: espnet_recursive\nVersion: {HERE}\n{metadata}"
        )
        if direct_url is not None:
            (tmp_path / "direct_url.json").write_text(json.dumps(direct_url))
        monkeypatch.setattr(requirements, "distribution", lambda name: Distribution.at(tmp_path))

    return install


def test_the_repository_that_pip_recorded(installed):
    url = "https://example.org/espnet_recursive.git"
    installed(direct_url={"url": url, "vcs_info": {"vcs": "git", "commit_id": "0" * 40}})
    assert source_url() == f"git+{url}"
    with pytest.raises(UserError) as error:
        check_requirements(["espnet_recursive>=9.9"], "model.zip")
    argument = str(error.value).split("pip install -U ")[1].strip('"')
    assert Requirement(argument).url == f"git+{url}"


def test_the_repository_that_the_package_names(installed, monkeypatch):
    installed()
    monkeypatch.setattr(requirements, "__url__", "https://example.org/espnet_recursive")
    assert source_url() == "git+https://example.org/espnet_recursive"
    monkeypatch.setattr(requirements, "__url__", "")
    assert source_url() is None


def test_a_folder_is_no_place_for_others(installed):
    installed(direct_url={"url": "file:///somewhere", "dir_info": {"editable": True}})
    assert source_url() is None
