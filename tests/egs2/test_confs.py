"""The real configurations: built, counted, one training step and one decoded utterance each.

All rows of the paper's tables go through it, on a second of real speech and in fp32.
"""

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from espnet2.samplers.build_batch_sampler import build_batch_sampler
from espnet2.schedulers.warmup_lr import WarmupLR

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.parameters import measure
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.train_config import (
    check_asr_config,
    check_lm_config,
    merge_train_config,
    read_encoder_config,
)
from espnet_recursive.registry import import_quietly

ROOT = Path(__file__).resolve().parents[2]
ROWS_DIR = ROOT / "conf" / "encoder"
LIBRISPEECH, AISHELL = (
    ROOT / "egs2" / name / "asr1" / "conf" for name in ("librispeech", "aishell")
)
TRANSFORMER = LIBRISPEECH / "train_asr_transformer.yaml"
BRANCHFORMER = LIBRISPEECH / "train_asr_branchformer.yaml"
CHINESE = AISHELL / "train_asr_transformer.yaml"
#: Training YAML -> its own row, the rows that are laid over it, and its decoding YAMLs.
ROWS = {
    TRANSFORMER: ["L1", "B", "R1", "R2", "R3", "R4", "L2", "L3"]
    + [f"loops_{loops}" for loops in (1, 2, 10, 20, "length", "schedule")],
    BRANCHFORMER: ["L5", "B3"],
    CHINESE: ["L4", "B2"],
}
DECODING = {
    TRANSFORMER: LIBRISPEECH / "decode_asr.yaml",
    BRANCHFORMER: LIBRISPEECH / "decode_asr_fast.yaml",
    CHINESE: AISHELL / "decode_asr.yaml",
}
LMS = {
    LIBRISPEECH / "train_lm_transformer.yaml": 93_333_128,
    LIBRISPEECH / "train_lm_small.yaml": 6_697_608,
    AISHELL / "train_lm_small.yaml": 6_697_608,
}
#: Parameters with 5000 tokens of everything but the encoder: decoder, its embedding, and CTC.
OUTSIDE = {TRANSFORMER: 108_587_792, BRANCHFORMER: 108_587_792, CHINESE: 13_323_024}
#: Parameters of the encoder in all: the layers that the paper counts, the input layer and a norm.
ENCODER = {
    "L1": 32_566_272,
    "B": 83_004_416,
    "R1": 45_175_808,
    "R2": 26_261_504,
    "R3": 19_956_736,
    "R4": 10_499_584,
    "L2": 23_109_120,
    "L3": 83_004_416,
    "loops_1": 32_566_272,
    "loops_2": 32_566_272,
    "loops_10": 32_566_272,
    "loops_20": 32_566_272,
    "loops_length": 32_566_272,
    "loops_schedule": 32_566_272,
    "L5": 41_401_344,
    "B3": 109_509_632,
    "L4": 9_729_024,
    "B2": 17_619_456,
}
CASES = [(config, row) for config, rows in ROWS.items() for row in rows]


def name(value):
    return f"{value.parts[-4]}-{value.stem}" if isinstance(value, Path) else str(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with 5000 tokens, the characters of real transcripts among them."""
    folder = tmp_path_factory.mktemp("confs")
    tokens = ["<blank>", "<unk>", "<space>", *map(chr, range(ord("A"), ord("Z") + 1))]
    tokens += [f"t{number}" for number in range(5000 - len(tokens) - 1)]
    (folder / "tokens.txt").write_text("\n".join([*tokens, "<sos/eos>"]) + "\n")
    prepare_mini_an4(folder / "data", folder / "downloads")
    return folder


@pytest.fixture(scope="module")
def task():
    return import_quietly("espnet2.tasks.asr").ASRTask


@pytest.fixture(scope="module")
def lm(folder):
    """The config.yaml of the large language model, for decoding."""
    return write_config(
        folder, import_quietly("espnet2.tasks.lm").LMTask, LIBRISPEECH / "train_lm_transformer.yaml"
    )[1]


def write_config(folder, task, config):
    """Parse a training YAML and write it as ESPnet does beside a trained model."""
    arguments = ["--config", str(config), "--token_list", str(folder / "tokens.txt")]
    args = task.get_parser().parse_args([*arguments, "--token_type", "char", "--bpemodel", "none"])
    path = folder / f"{name(config)}.config.yaml"
    path.write_text(yaml.safe_dump(vars(args)))
    return args, path


@pytest.fixture(scope="module")
def built(folder, task, lm):
    """Training YAML -> its arguments and a recogniser with its decoding options; built once."""
    speech2text = import_quietly("espnet2.bin.asr_inference").Speech2Text
    store = {}

    def build(config):
        if config not in store:
            store.clear()  # one at a time: they are large
            args, path = write_config(folder, task, config)
            options = yaml.safe_load(DECODING[config].read_text())
            lm_config = {"lm_train_config": path.with_name(lm.name)} if options["lm_weight"] else {}
            # A few tokens instead of a sentence, and few hypotheses.
            options |= {"maxlenratio": -3.0, "beam_size": 6}
            store[config] = args, speech2text(path, token_type="char", **options, **lm_config)
        return store[config]

    return build


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def utterances(folder):
    """Real speech and its transcripts, two utterances of a second."""
    wav_scp, text = (read_table(folder / "data" / "train" / name) for name in ("wav.scp", "text"))
    ids = ["fash-an251-fash-b", "mwhw-an152-mwhw-b"]
    return {
        key: (soundfile.read(wav_scp[key], dtype="float32")[0][:16000], text[key]) for key in ids
    }


@pytest.mark.parametrize(("config", "row"), CASES, ids=name)
def test_row(config, row, folder, task, built, tmp_path):
    merge_train_config(config, ROWS_DIR / f"{row}.yaml", tmp_path / "train.yaml")
    check_asr_config(tmp_path / "train.yaml")

    args, speech2text = built(config)
    model = speech2text.asr_model
    encoder = read_encoder_config(ROWS_DIR / f"{row}.yaml")
    encoder_class = import_quietly("espnet2.tasks.asr").encoder_choices.get_class(
        encoder["encoder"]
    )
    model.encoder = encoder_class(input_size=80, **encoder["encoder_conf"])
    assert measure(row, model.encoder).encoder == ENCODER[row]
    assert count(model) == ENCODER[row] + OUTSIDE[config]

    torch.manual_seed(0)
    model.train()
    preprocess = task.build_preprocess_fn(args, train=True)
    data = [
        (key, preprocess(key, {"speech": speech, "text": text}))
        for key, (speech, text) in utterances(folder).items()
    ]
    _, batch = task.build_collate_fn(args, train=True)(data)
    (optimizer,) = task.build_optimizers(args, model)
    loss, stats, _ = model(**batch)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), args.grad_clip)
    before = next(model.encoder.encoders.parameters()).detach().clone()
    optimizer.step()
    assert torch.isfinite(loss) and torch.isfinite(norm)
    assert not torch.equal(before, next(model.encoder.encoders.parameters()))
    optimizer.zero_grad(set_to_none=True)

    model.eval()
    (best, *_) = speech2text(next(iter(utterances(folder).values()))[0])
    assert len(best[1]) <= 3
    assert np.isfinite(float(best[3].score))


@pytest.mark.parametrize("config", LMS, ids=name)
def test_language_model(config, folder):
    check_lm_config(config)
    task = import_quietly("espnet2.tasks.lm").LMTask
    args, _ = write_config(folder, task, config)
    model = task.build_model(args)
    assert count(model) == LMS[config]
    (optimizer,) = task.build_optimizers(args, model)
    loss, _, _ = model(torch.randint(2, 4999, (2, 8)), torch.tensor([8, 5]))
    loss.backward()
    before = next(model.parameters()).detach().clone()
    optimizer.step()
    assert torch.isfinite(loss)
    assert not torch.equal(before, next(model.parameters()))


@pytest.mark.parametrize("config", ROWS, ids=name)
def test_own_encoder_is_its_row(config):
    own = read_yaml(config)
    assert {key: own[key] for key in ("encoder", "encoder_conf")} == read_encoder_config(
        ROWS_DIR / f"{ROWS[config][0]}.yaml"
    )


def test_every_row_has_a_training_configuration():
    assert {row for _, row in CASES} == {path.stem for path in ROWS_DIR.glob("*.yaml")}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (LIBRISPEECH / "decode_asr.yaml", (66, 0.4, 0.6, 0)),
        (LIBRISPEECH / "decode_asr_fast.yaml", (10, 0.4, 0.0, 100)),
        (AISHELL / "decode_asr.yaml", (10, 0.4, 0.0, 0)),
    ],
    ids=name,
)
def test_decoding(path, values):
    parser = import_quietly("espnet2.bin.asr_inference").get_parser()
    data = ["--data_path_and_name_and_type", "wav.scp,speech,sound"]
    args = parser.parse_args(["--config", str(path), "--output_dir", "out", *data])
    keys = ("beam_size", "ctc_weight", "lm_weight", "ctc_window_margin")
    assert tuple(getattr(args, key) for key in keys) == values


@pytest.mark.parametrize(
    ("config", "decoder"), [(TRANSFORMER, 24), (BRANCHFORMER, 24), (CHINESE, 6)]
)
def test_options_named_in_the_comments(task, config, decoder):
    """They change one value and leave its neighbours."""
    options = ["--decoder_conf", "num_blocks=2", "--preprocessor_conf", "data_aug_prob=0"]
    check_asr_config(config, options)
    parser = task.get_parser()
    plain = parser.parse_args(["--config", str(config)])
    changed = parser.parse_args(["--config", str(config), *options])
    assert plain.decoder_conf["num_blocks"] == decoder
    assert changed.decoder_conf == plain.decoder_conf | {"num_blocks": 2}
    assert changed.preprocessor_conf == plain.preprocessor_conf | {"data_aug_prob": 0}


@pytest.mark.parametrize(
    ("config", "peak", "steps"),
    [(TRANSFORMER, 1e-3, 25000), (BRANCHFORMER, 8e-4, 30000), (CHINESE, 3.95e-4, 25000)],
    ids=name,
)
def test_learning_rate_is_noams_with_its_peak_at_the_end_of_the_warm_up(config, peak, steps):
    conf = read_yaml(config)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=conf["optim_conf"]["lr"])
    scheduler = WarmupLR(optimizer, **conf["scheduler_conf"])
    rates = {}
    for step in (1, steps // 2, steps - 1, steps, steps + 1, 4 * steps):
        scheduler.last_epoch = step - 1  # ESPnet counts from 0
        (rates[step],) = scheduler.get_lr()
    assert max(rates.values()) == rates[steps] == pytest.approx(peak)
    assert rates[steps // 2] == pytest.approx(peak / 2)
    assert rates[4 * steps] == pytest.approx(peak / 2)


@pytest.mark.parametrize(("config", "seconds"), [(TRANSFORMER, 600), (BRANCHFORMER, 500)], ids=name)
def test_batches_are_seconds_of_audio(config, seconds, tmp_path):
    """By ESPnet's own sampler: what one of four GPUs gets, whatever the vocabulary."""
    conf = read_yaml(config)
    generator = random.Random(0)
    lengths = {f"utt{number}": generator.randint(16000, 35 * 16000) for number in range(3000)}
    for name, values in (("speech", "{0}"), ("text", "{1},5000")):
        lines = [f"{key} {values.format(n, n // 4700)}\n" for key, n in lengths.items()]
        (tmp_path / name).write_text("".join(lines))
    sampler = build_batch_sampler(
        type=conf["batch_type"],
        batch_bins=conf["batch_bins"],
        batch_size=1,
        shape_files=[str(tmp_path / "speech"), str(tmp_path / "text")],
        min_batch_size=4,
    )
    *batches, _ = sorted(sampler, key=lambda batch: max(lengths[key] for key in batch))
    for batch in batches:
        for rank in range(4):  # as ESPnet deals a batch out
            part = [lengths[key] / 16000 for key in batch[rank::4]]
            # Less at most an utterance of a GPU's, padding included.
            assert abs(len(part) * max(part) - seconds) < 36
    assert len(batches) == pytest.approx(sum(lengths.values()) / 16000 / (4 * seconds), abs=2)


def test_speeds_are_a_third_each(folder, task):
    """By ESPnet's own preprocessor, whose probabilities are its weights and data_aug_prob."""
    args, _ = write_config(folder, task, TRANSFORMER)
    preprocess = task.build_preprocess_fn(args, train=True)
    random.seed(0)
    np.random.seed(0)
    speech = np.zeros(1995, np.float32)
    lengths = [len(preprocess("utt", {"speech": speech})["speech"]) for _ in range(3000)]
    counts = {length: lengths.count(length) for length in set(lengths)}
    assert sorted(counts) == [1900, 1995, 2100]
    assert all(900 < times < 1100 for times in counts.values())
    preprocess = task.build_preprocess_fn(args, train=False)
    assert {len(preprocess("utt", {"speech": speech})["speech"]) for _ in range(50)} == {1995}


@pytest.mark.parametrize("config", [*ROWS, *LMS], ids=name)
def test_guesses_are_marked(config):
    assert "guess" in config.read_text()
