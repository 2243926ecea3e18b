"""Packs whose YAML files are in order and name the wrong files, impossible values or odd ones."""

from collections.abc import Callable
from typing import Any

from tests.publish.hostile_packs import (
    BPE,
    CARD,
    CONFIG,
    LM_CONFIG,
    LM_WEIGHTS,
    META,
    STATS,
    WEIGHTS,
    Members,
    appended,
    keys,
    prepended,
    without,
    yaml_of,
)


def add_kinds(add: Any) -> None:
    """Add all kinds of this module."""
    _add_swapped(add)
    _add_impossible(add)
    _add_tokens(add)
    _add_yaml(add)


def _add_swapped(add: Any) -> None:
    """Files of the pack in the places of others."""
    weights, config = "files__asr_model_file", "yaml_files__asr_train_config"
    of_meta: tuple[tuple[str, str, str | None], ...] = (
        (weights, META, "cannot be read as weights"),
        (weights, LM_WEIGHTS, "does not fit"),
        (config, WEIGHTS, "is not YAML but binary"),
        (config, LM_CONFIG, "has no input_size"),
        ("yaml_files__lm_train_config", CONFIG, "has no lm"),
        ("files__lm_file", WEIGHTS, "does not fit"),
        ("files__bpemodel", CARD, "which cannot be read"),
        ("files__ngram_file", CARD, "cannot be loaded"),
        ("files__prompt_token_file", CARD, None),  # which is of another kind of model
    )
    for key, name, refusal in of_meta:
        add(f"swapped: {name} as {key}", refusal, keys(META, **{key: name}))
    of_config: tuple[tuple[str, str, str | None], ...] = (
        ("bpemodel", STATS, "which cannot be read"),
        ("normalize_conf__stats_file", BPE, "holds no sums of features"),
        ("non_linguistic_symbols", CARD, None),
        ("non_linguistic_symbols", WEIGHTS, None),  # decoding asks for none
        ("token_list", WEIGHTS, "cannot be built"),
    )
    for key, name, refusal in of_config:
        add(f"swapped: {name} as {key}", refusal, keys(CONFIG, **{key: name}))


def _add_impossible(add: Any) -> None:
    """Options whose values cannot be."""
    built, fit, none = "its model cannot be built", "does not fit", None
    samples, rate = "must be 1 or more samples, not", "expected a sampling rate"
    values: dict[str, list[tuple[Any, str | None]]] = {
        "encoder_conf__num_loops": [
            *((value, "num_loops must be .*1 or more, not") for value in (0, -1, 2.5, True, "3")),
            *((value, "num_loops must be an integer") for value in (None, [5])),
        ],
        "encoder_conf__attention_heads": [(0, built), (-2, built), (3, "must be a multiple of")],
        "encoder_conf__output_size": [(0, built), (-16, built)],
        "encoder_conf__dropout_rate": [(5, "between 0 and 1"), (float("nan"), built)],
        "encoder_conf__input_layer": [("evil", "'evil' is none of"), (7, "is none of")],
        "encoder_conf__loop_policy": [("evil", "'evil' is none of"), ([], "is none of")],
        "frontend_conf__hop_length": [(0, samples), (-160, samples), ("x", samples)],
        "frontend_conf__win_length": [(0, samples), (4096, "must be at most n_fft, 512, not 4096")],
        "frontend_conf__n_fft": [(0, samples), (1, "must be at most n_fft, 1, not 400")],
        "frontend_conf__fs": [(0, rate), (-16000, rate), ("16q", rate), (None, rate), ([1], rate)],
        "frontend_conf__n_mels": [(0, built), (7, fit)],
        "frontend_conf__window": [("evil", built)],
        "model_conf__ctc_weight": [(float("inf"), "--any_size"), (7, built), ("x", built)],
        "model_conf__sym_sos": [(5, built)],
        "model": [("evil", built), ("pit_espnet", fit)],
        "ctc_conf": [({"ctc_type": "evil"}, built), ({"evil": 1}, built)],
        "decoder": [("rnn", built), ("__class__", built), ("../x", "outside of the model")],
        "decoder_conf__attention_heads": [(0, built), (3, built)],
        "input_size": [(-80, built), (0, built), (80, fit)],
        "specaug": [("evil", built), ("specaug", built)],
        "normalize": [("evil", built), ("utterance_mvn", built)],
        "preencoder": [("evil", built), ("sinc", fit), ("linear", built)],
        "postencoder": [("evil", built)],
        "frontend": [("evil", built), ("fused", built), ("s3prl", built)],
        "use_adapter": [(True, "holds no adapter"), ("yes", "must be true or false")],
        # Decoding reads none of these.
        "preprocessor": [("evil", none)],
        "cleaner": [("evil", none), (5, none)],
        "g2p": [(5, none)],
    }
    for key, cases in values.items():
        for value, refusal in cases:
            add(f"impossible: {key} {value!r}", refusal, keys(CONFIG, **{key: value}))
    for key, value, refusal in (
        ("lm", "evil", built), ("lm_conf__layer", 0, fit),
        ("lm_conf__head", 0, built), ("lm_conf__pos_enc", "evil", built),
    ):  # fmt: skip
        add(f"impossible: language model's {key} {value!r}", refusal,
            keys(LM_CONFIG, **{key: value}))  # fmt: skip
    many = "must be at most 100 requirements of 200 characters"
    add("impossible: a long version", many, keys(META, requires=["espnet>=" + "9" * 5000]))
    add("impossible: thousands of versions", many, keys(META, requires=["espnet>=1"] * 20_000))
    add("impossible: a coloured version", "names no package",
        keys(META, requires=["\x1b[31mespnet>=1"]))  # fmt: skip
    add("impossible: an older Python", None, keys(META, requires=["espnet; python_version<'3'"]))
    add("impossible: a recursion of other keys", "meta.yaml says that",
        keys(META, recursion={"evil": 3}))  # fmt: skip
    add("impossible: a recursion of true", "must be a whole number",
        keys(META, recursion={"num_loops": True}))  # fmt: skip


def _add_tokens(add: Any) -> None:
    others, no_text = "has another token_list than the recogniser", "which is no text"
    texts = {
        "a null character": "\0",
        "a line's end": "a\nb",
        "an empty one": "",
        "a long one": "x" * 1_000_000,
    }
    for name, text in texts.items():
        add(f"tokens: {name}", others, _token(2, text))
    for place, name in ((0, "<blank>"), (1, "<unk>"), (-1, "<sos/eos>")):
        add(f"tokens: no {name}", others, _token(place, "q"))
    add("tokens: null", no_text, _token(2, None))
    add("tokens: a date", no_text, _written(b"2026-01-01"))
    add("tokens: a set", no_text, _written(b"!!set {a, b}"))
    add("tokens: bytes", no_text, _written(b"!!binary aGVsbG8="))
    add("tokens: half a surrogate", "is not YAML", _written(b'"\\ud800"'))
    add("tokens: a mapping", "must be a list of tokens", keys(CONFIG, token_list={"a": 1}))
    add("tokens: reversed", others, yaml_of(CONFIG, lambda c: c["token_list"].reverse()))
    add("tokens: others of the language model", others, _token(2, "q", LM_CONFIG))


def _token(place: int, value: Any, member: str = CONFIG) -> Callable[[Members], None]:
    return yaml_of(member, lambda config: config["token_list"].__setitem__(place, value))


def _written(text: bytes) -> Callable[[Members], None]:
    """A token as it is written in the YAML."""

    def run(members: Members) -> None:
        _token(2, "REPLACED")(members)
        members[CONFIG] = members[CONFIG].replace(b"REPLACED", text)

    return run


def _add_yaml(add: Any) -> None:
    """Of YAML's odder parts; what is behind a file's content is in a key that nobody reads."""
    behind: dict[str, tuple[bytes, str | None]] = {
        "two documents": (b"---\nx: 1\n", "is not YAML"),
        "bytes as a value": (b"z: !!binary aGVsbG8=\n", None),
        "a date that is none": (b"z: 2026-99-99\n", "is not YAML: month"),
        "a tag of nobody": (b"z: !evil x\n", "is not YAML: .*'!evil'"),
        "a mapping as a key": (b"? {a: b}\n: c\n", "is not YAML: .*unhashable key"),
        "merged keys": (b"z: {<<: [{a: 1}, {b: 2}]}\n", None),
        "merges what is no mapping": (b"z: {<<: 5}\n", "is not YAML"),
        "a tab": (b"\tz: 1\n", "is not YAML"),
        "base 60": (b"z: " + b":".join([b"59"] * 3000) + b"\n", "a number of 8,999 digits"),
        "an exponent": (b"z: 1.0e+999999999\n", None),
        "control characters": (b"z: \x1b[2J\n", "is not YAML: unacceptable character"),
        "an ordered mapping of words": (b"z: !!omap [a, b]\n", "is not YAML"),
        "too large": (b"#" * 17_000_000, "too large for a YAML"),
    }
    for name, member in (("meta", META), ("config", CONFIG)):
        for kind, (content, refusal) in behind.items():
            add(f"{name}: {kind}", refusal, appended(member, content))
        add(f"{name}: a directive", "is not YAML", prepended(member, b"%YAML 9.9\n---\n"))
    anchors = b"".join(b"z%d: &z%d 1\n" % (n, n) for n in range(20_000))
    add("meta: many anchors", None, appended(META, anchors))
    add("meta: a long line", None, appended(META, b"z: " + b"x" * 15_000_000 + b"\n"))
    already = "line [0-9]+: the key .* is in line [0-9]+ already"
    add("meta: a key twice", already, appended(META, b"files: {asr_model_file: /etc/passwd}\n"))
    add("config: a key twice", already, appended(CONFIG, b"bpemodel: /etc/passwd\n"))
    add("config: depth twice", already, appended(CONFIG, b"encoder_conf: {num_loops: 1}\n"))
    merged = b"files: {<<: {asr_model_file: /etc/passwd}}\n"
    add("meta: merged files", "outside of the model",
        lambda m: (without(META, "files")(m), appended(META, merged)(m)))  # fmt: skip
