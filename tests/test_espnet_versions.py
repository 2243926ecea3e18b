"""Older versions of ESPnet look like the newest; tools/check_versions.sh tries the real ones."""

import argparse
import re
from types import SimpleNamespace

import pytest
import torch

from espnet_recursive import espnet_versions
from espnet_recursive.errors import UserError


@pytest.mark.parametrize("here", [None, "202509", "202611", "202701", "202611.post1", "0.0.0"])
def test_versions_that_are_taken(here):
    espnet_versions.check_version(here)


@pytest.mark.parametrize("here", ["202506", "202402", "202412.post2"])
def test_versions_that_are_too_old(here):
    with pytest.raises(ImportError, match=f"runs with ESPnet 202509 and later .*Here is {here}"):
        espnet_versions.check_version(here)


def test_the_check_is_made_when_espnet_is_imported(run_python, tmp_path):
    (tmp_path / "espnet2").mkdir()
    (tmp_path / "espnet2/__init__.py").touch()
    (tmp_path / "espnet-202402.dist-info").mkdir()
    text = "Metadata-Version: 2.1\nName: espnet\nVersion: 202402\n"
    (tmp_path / "espnet-202402.dist-info/METADATA").write_text(text)
    code = "import espnet_recursive; print('no ESPnet yet'); import espnet2"
    result = run_python("-c", code)
    assert result.stdout == "no ESPnet yet\n"
    assert "Here is 202402, which lacks" in result.stderr.splitlines()[-1]


OLD = {
    "espnet2/__init__.py": "",
    "espnet/__init__.py": "",
    "espnet/nets/__init__.py": "",
    "espnet/nets/part.py": "class Part: pass\nprint('runs')",
    "espnet/nets/search.py": "from espnet.nets.part import Part\nclass Search(Part): pass\n",
}


def test_legacy_modules_by_their_names_of_before(run_python, tmp_path):
    """One module under two names, whichever is imported first."""
    for name, text in OLD.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    code = """
import sys, espnet_recursive
from wrapt import register_post_import_hook
from espnet_recursive.espnet_versions import names_of
for name in names_of("espnet2.legacy.nets.search"):
    register_post_import_hook(lambda module: print("hook", module.__name__), name)
import espnet2
from espnet2.legacy.nets.search import Search
import espnet2.legacy.nets.part as part
import espnet.nets.part, espnet.nets.search
print(part is espnet.nets.part, issubclass(Search, part.Part), Search.__module__)
print(espnet.nets.part.__spec__.name, sys.modules["espnet2.legacy.nets.part"] is part)
try:
    import espnet2.legacy.nets.none
except ModuleNotFoundError as error:
    print(error)
"""
    result = run_python("-c", code)
    lines = result.stdout.splitlines()
    assert lines.count("runs") == 1
    assert [line for line in lines if line.startswith("hook")][0] == "hook espnet.nets.search"
    assert lines[-3:] == [
        "True True espnet.nets.search",
        "espnet.nets.part True",
        "No module named 'espnet.nets.none'",
    ], result.stderr


def test_names_of_modules():
    assert espnet_versions.names_of("espnet2.legacy.nets.x") == (
        "espnet2.legacy.nets.x",
        "espnet.nets.x",
    )
    assert espnet_versions.names_of("espnet2.asr.x") == ("espnet2.asr.x",)


class _Writer:
    """As ESPnet's DatadirWriter: folder -> file -> utterance -> text."""

    files: dict = {}

    def __init__(self, folder):
        self.files.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __getitem__(self, folder):
        return _Folder(self.files.setdefault(folder, {}))


class _Folder(dict):
    def __init__(self, files):
        self._files = files

    def __getitem__(self, file):
        return self._files.setdefault(file, {})


class _TooShort(Exception):
    pass


@pytest.fixture
def old(monkeypatch):
    """An asr_inference as it was before 202610."""

    def get_parser():
        parser = argparse.ArgumentParser()
        parser.add_argument("--beam_size", type=int, default=20)
        return parser

    module = SimpleNamespace(
        get_parser=get_parser,
        inference=lambda output_dir, batch_size, beam_size: None,
        Speech2Text=object,
        DatadirWriter=_Writer,
        TooShortUttError=_TooShort,
    )
    monkeypatch.setattr(espnet_versions, "_asr_inference", lambda: module)
    monkeypatch.setattr(espnet_versions, "installed", lambda: "202511")
    return module


def test_options_of_the_newest(old):
    assert not espnet_versions.decodes_batches()
    parser = espnet_versions.inference_parser()
    given = vars(parser.parse_args(["--ctc_window_margin", "0", "--beam_size", "3"]))
    assert espnet_versions.inference_options(given) == {"beam_size": 3}
    assert espnet_versions.inference_options({"batch_size": 8}) == {"batch_size": 1}
    with pytest.raises(UserError, match=re.escape("ctc_window_margin 100: ESPnet 202511 computes")):
        espnet_versions.inference_options({"ctc_window_margin": 100})


def test_options_of_the_installed_one_stay():
    given = {"ctc_window_margin": 100, "batch_size": 8}
    assert espnet_versions.inference_options(given) == given
    names = [action.dest for action in espnet_versions.inference_parser()._actions]
    assert names.count("ctc_window_margin") == 1
    assert espnet_versions.decodes_batches()


def test_more_is_written_of_each_utterance(old):
    keys, said = ["a"], []
    wrap, names = espnet_versions.writing_more(lambda w, key, result: said.append((w, key, result)),
                                               keys)  # fmt: skip

    def model(speech):
        if speech is None:
            raise error
        return [speech]

    error, recogniser = _TooShort("one frame"), wrap(model)
    with names["DatadirWriter"]("folder") as writer:
        assert recogniser(speech="text") == ["text"]
        keys[:] = ["b"]
        with pytest.raises(_TooShort):
            recogniser(speech=None)
    assert said == [(writer, "a", ["text"]), (writer, "b", error)]
    assert recogniser.__name__ == "model"


def test_fused_attention_without_an_option():
    attention = torch.nn.Module()
    attention.linear_q, attention.use_sdpa = torch.nn.Linear(2, 2), False
    other = torch.nn.Module()
    encoder = torch.nn.Sequential(attention, other)
    espnet_versions.use_sdpa(encoder, False)
    assert not attention.use_sdpa
    espnet_versions.use_sdpa(encoder, True)
    assert attention.use_sdpa and not hasattr(other, "use_sdpa")
