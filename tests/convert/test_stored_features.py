"""A model that was trained on stored features, on audio: from the experiment to the text."""

import json
from pathlib import Path

import pytest
import soundfile
import torch
import yaml

import espnet_recursive
from espnet_recursive.asr.frontend.sphinx_mfcc import SphinxMFCC
from espnet_recursive.bin.convert import main
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.files.checkpoint_file import add_note
from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.feats import read_features, write_ark
from espnet_recursive.recipe.fingerprint import fingerprint_of, read_fingerprint
from espnet_recursive.transcription.transcribe import transcribe
from tests.convert.models import RECURSION, load
from tests.publish.experiments import FAST

CMN = ["--frontend", "sphinx_mfcc", "--frontend_conf", "cmn=utterance"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """exp of a model of 13 features, wav.scp, and feats.scp whose values are of 16 bits."""
    root = tmp_path_factory.mktemp("stored")
    model = load("latent_recursive_transformer", features=13, **RECURSION)
    (root / "exp").mkdir()
    (root / "exp/config.yaml").write_text(yaml.safe_dump(model.config), encoding="utf-8")
    torch.save(model.model.state_dict(), root / "exp/valid.acc.ave.pth")
    add_note(root / "exp/valid.acc.ave.pth", fingerprint_of(model.config).as_text())
    folders = prepare_mini_an4(root / "data", root / "downloads")
    wav_scp = {k: v for folder in folders for k, v in read_table(Path(folder) / "wav.scp").items()}
    write_table(root / "wav.scp", wav_scp)
    frontend = SphinxMFCC(cmn="utterance")
    features = {}
    for utterance, file in wav_scp.items():
        samples = torch.from_numpy(soundfile.read(file, dtype="float32")[0])
        cepstra, _ = frontend(samples[None], torch.tensor([len(samples)]))
        features[utterance] = cepstra[0].half().float().numpy()
    places, _ = write_ark(root / "feats.ark", features.items())
    write_table(root / "feats.scp", places)
    write_table(root / "others.scp", {"other": places["fcaw-cen8-fcaw-b"]})
    return root


def run(root, output, *options):
    main(["audio", "--model", str(root / "exp"), "--output", str(output), *options])
    return json.loads((output / "conversion.json").read_text())


def test_texts_of_audio_are_those_of_the_features(root, tmp_path):
    tables = ["--audio", str(root / "wav.scp"), "--feats", str(root / "feats.scp")]
    report = run(root, tmp_path / "out", *CMN, *tables)
    assert report["how"].endswith("computed from audio by sphinx_mfcc (fs: 16000, cmn: utterance)")
    assert report["notes"][0].startswith("Features of 7 utterances: at most 0.00")
    assert 0 < report["closeness"]["largest_relative_difference"] < 0.01
    written = yaml.safe_load((tmp_path / "out/config.yaml").read_text())
    fingerprint = read_fingerprint(tmp_path / "out/valid.acc.ave.pth")
    assert fingerprint.settings == fingerprint_of(written).settings
    assert written["frontend"] == "sphinx_mfcc" and written["input_size"] is None
    before, after = (
        espnet_recursive.Speech2Text.from_pretrained(exp, **FAST)
        for exp in (root / "exp", tmp_path / "out")
    )
    wav_scp, places = read_table(root / "wav.scp"), read_table(root / "feats.scp")
    found = list(transcribe([*wav_scp.values()], after))
    texts = [before(read_features(places[key], key))[0][0] for key in wav_scp]
    assert [one.text for one in found] == texts and min(map(len, texts)) > 2


def test_without_tables(root, tmp_path):
    report = run(root, tmp_path / "out", *CMN, "fs=16k")
    assert report["notes"] == [
        "Not compared with stored features: name some with --audio and --feats."
    ]


TABLES = "--audio {root}/wav.scp --feats {root}/feats.scp"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (TABLES, r"away from those of .*feats.scp\. Choose .*cmn: utterance"),
        (f"--frontend_conf fs=8k cmn=utterance {TABLES}", "frames in .*makes|away from those of"),
        ("--audio {root}/wav.scp", "--audio and --feats: name both"),
        ("--audio {root}/wav.scp --feats {root}/data/test/text", "feats.scp, mmxg-.* cannot be"),
        ("--audio {root}/wav.scp --feats {root}/others.scp", "have no utterance in common"),
        ("--frontend_conf cmn", "--frontend_conf cmn: expected key=value"),
    ],
)
def test_refused(root, tmp_path, options, message):
    with pytest.raises(SystemExit, match=message):
        run(root, tmp_path / "out", *CMN[:2], *options.format(root=root).split())
    assert list(tmp_path.iterdir()) == []
