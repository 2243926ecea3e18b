"""Packs as a stranger may make them: one good pack, and what is changed in each kind."""

import io
import os
import pickle
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml

META, CARD = "meta.yaml", "README.md"
CONFIG, LM_CONFIG = "exp/asr_recursive/config.yaml", "exp/lm/config.yaml"
WEIGHTS, LM_WEIGHTS = "exp/asr_recursive/3epoch.pth", "exp/lm/3epoch.pth"
BPE, STATS = "data/en/bpe30/bpe.model", "exp/stats/feats_stats.npz"

Members = dict[str, bytes]


class Kind(NamedTuple):
    """A kind of pack.

    Attributes:
        change: Changes the members of a good pack.
        refusal: What the message says of it; None where it is loaded.
        write: Writes the members as a file; a zip file by default.
    """

    change: Callable[[Members], object]
    refusal: str | None
    write: Callable[[Path, Members], None]


def write_zip(path: Path, members: Members) -> None:
    """Write a pack, its members stored as they are."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def kinds(secret: Path) -> dict[str, Kind]:
    """All kinds, of this module and of those beside it.

    Args:
        secret: A file outside of every pack, which no loading may read or change.
    """
    from tests.publish import hostile_formats, hostile_parts  # which change packs as this does

    made: dict[str, Kind] = {}

    def add(
        name: str,
        refusal: str | None,
        change: Callable[[Members], object] = lambda members: None,
        write: Callable[[Path, Members], None] = write_zip,
    ) -> None:
        assert name not in made, name
        made[name] = Kind(change, refusal, write)

    _add_paths(add, secret)
    _add_meta(add)
    _add_configs(add)
    _add_yaml(add)
    _add_sizes(add)
    _add_files(add)
    _add_zips(add, secret)
    hostile_parts.add_kinds(add)
    hostile_formats.add_kinds(add)
    return made


# What is changed.


def yaml_of(member: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Members], None]:
    """Change the values of a YAML."""

    def run(members: Members) -> None:
        values = yaml.safe_load(members[member])
        change(values)
        members[member] = yaml.safe_dump(values).encode()

    return run


def keys(member: str, **values: Any) -> Callable[[Members], None]:
    """Set keys of a YAML; ``a__b`` is the key b in the mapping a."""

    def change(content: dict[str, Any]) -> None:
        for key, value in values.items():
            *outer, last = key.split("__")
            inner = content
            for name in outer:
                inner = inner[name]
            inner[last] = value

    return yaml_of(member, change)


def without(member: str, key: str) -> Callable[[Members], None]:
    """Remove a key of a YAML."""
    return yaml_of(member, lambda content: content.pop(key))


def put(member: str, content: bytes) -> Callable[[Members], object]:
    """Give a member other bytes."""
    return lambda members: members.update({member: content})


def prepended(member: str, content: bytes) -> Callable[[Members], object]:
    """Put bytes before those of a member."""
    return lambda members: members.update({member: content + members[member]})


def appended(member: str, content: bytes) -> Callable[[Members], object]:
    """Put bytes behind those of a member."""
    return lambda members: members.update({member: members[member] + content})


def cut(member: str, share: float) -> Callable[[Members], object]:
    """Keep the beginning of a member."""
    return lambda members: members.update(
        {member: members[member][: int(len(members[member]) * share)]}
    )


def weights(change: Callable[[dict[str, Any]], object], member: str = WEIGHTS) -> Any:
    """Change the weights."""

    def run(members: Members) -> None:
        state = torch.load(io.BytesIO(members[member]), weights_only=True)
        changed = change(state)
        members[member] = saved(state if changed is None else changed)

    return run


def saved(value: object) -> bytes:
    """A checkpoint's bytes."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


class Runs:
    """An object whose pickle runs a command when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


# The kinds.


def _add_paths(add: Any, secret: Path) -> None:
    outside = "outside of the model"
    places = {
        "absolute": str(secret),
        "passwd": "/etc/passwd",
        "endless": "/dev/zero",
        "above": "../../../../../../../../etc/passwd",
        "above, hidden": "data/../../../../secret.txt",
        "home": "~/secret.txt",
    }
    for name, place in places.items():
        add(f"bpemodel {name}", outside, keys(CONFIG, bpemodel=place))
        add(f"stats_file {name}", outside, keys(CONFIG, normalize_conf__stats_file=place))
        meta = "outside of the model" if name != "home" else "is not there"
        add(f"weights {name}", meta, keys(META, files__asr_model_file=place))
        add(f"configuration {name}", meta, keys(META, yaml_files__asr_train_config=place))
    add("token_list elsewhere", outside, keys(CONFIG, token_list="/etc/passwd"))
    add("token_list above", outside, keys(CONFIG, token_list="../tokens.txt"))
    add("symbols elsewhere", outside, keys(CONFIG, non_linguistic_symbols="/etc/passwd"))
    add("a path among options", outside, keys(CONFIG, frontend_conf__download_dir="/etc/ssh"))
    add("a path deep in options", outside, keys(CONFIG, preprocessor_conf={"a": [{"b": "/etc/x"}]}))
    add("an address among options", "more would be fetched",
        keys(CONFIG, frontend_conf__upstream="http://127.0.0.1:9/x.pt"))  # fmt: skip
    add("a file's address", "more would be fetched", keys(CONFIG, bpemodel="file:///etc/passwd"))
    add("a language model's tokens elsewhere", outside, keys(LM_CONFIG, token_list="/etc/passwd"))
    for key in ("bpemodel", "non_linguistic_symbols"):
        add(f"a language model's {key} elsewhere", None, keys(LM_CONFIG, **{key: "/etc/passwd"}))
        add(f"a language model's {key} above", None, keys(LM_CONFIG, **{key: "../word"}))
    add("a file of the current folder", "bpe.model, which is not there",
        keys(CONFIG, bpemodel="of_the_current_folder/bpe.model"))  # fmt: skip
    add("a word that is a file of the current folder", "which is not there",
        keys(CONFIG, bpemodel="word"))  # fmt: skip
    add("a null character", "outside|line breaks", keys(META, files__asr_model_file="a\0b"))
    add("a long name", "is not there", keys(META, files__asr_model_file="x" * 3000))
    add("the folder itself", "is no file", keys(META, files__asr_model_file="."))
    # Of the machine that trained; loading reads none of them.
    add("init_param elsewhere", None, keys(CONFIG, init_param=["/etc/passwd"]))
    add("data elsewhere", None,
        keys(CONFIG, train_data_path_and_name_and_type=[["/data/wav.scp", "speech", "sound"]],
             output_dir="/nowhere/exp", dist_init_method="file:///nowhere/x",
             rir_scp="/data/rirs.scp"))  # fmt: skip
    add("tokens as a file of the pack", None, _token_file)


def _token_file(members: Members) -> None:
    tokens = yaml.safe_load(members[CONFIG])["token_list"]
    members["data/tokens.txt"] = "".join(f"{token}\n" for token in tokens).encode()
    keys(CONFIG, token_list="data/tokens.txt")(members)


def _add_meta(add: Any) -> None:
    for name, value in (("number", 5), ("null", None), ("list", ["a"]), ("mapping", {"a": "b"})):
        add(f"meta: files a {name}", "files.* must be|no recogniser", keys(META, files=value))
        add(f"meta: the weights a {name}", "must be text", keys(META, files__asr_model_file=value))
        add(f"meta: the configuration a {name}", "must be text",
            keys(META, yaml_files__asr_train_config=value))  # fmt: skip
    add("meta: an empty name", "must be a name", keys(META, files__asr_model_file=""))
    add("meta: no files", "has no files", without(META, "files"))
    add("meta: no yaml_files", "has no yaml_files", without(META, "yaml_files"))
    add("meta: no weights", "is no recogniser",
        yaml_of(META, lambda meta: meta["files"].pop("asr_model_file")))  # fmt: skip
    add("meta: another task", "is no recogniser", keys(META, files={"model_file": CARD}))
    # They would become arguments of Speech2Text.
    for key in ("device", "beam_size", "dtype", "quantize_modules", "num_loops", "__class__"):
        add(f"meta: files has {key}", f"has {key} under files", _with_file(key, CARD))
    add("meta: yaml_files has device", "has device under yaml_files",
        keys(META, yaml_files__device="cuda"))  # fmt: skip
    add("meta: weights among yaml_files", "under yaml_files", keys(META, yaml_files__lm_file=CARD))
    add("meta: a number as a key", "must be text|is no name", yaml_of(META, _number_key))
    add("meta: requires a number", "requires must be a list", keys(META, requires=5))
    add("meta: requires numbers", "requires.0 must be text", keys(META, requires=[5]))
    add("meta: requires what is none", "names no package", keys(META, requires=["espnet; rm -rf"]))
    add("meta: requires another package", "find out what",
        keys(META, requires=["no-such-thing>=1"]))  # fmt: skip
    add("meta: requires an address", "is an address",
        keys(META, requires=["espnet @ https://127.0.0.1/$(pwned)"]))  # fmt: skip
    add("meta: a recursion that is a list", "recursion must be", keys(META, recursion=[2, 3]))
    add("meta: a recursion of words", "must be a whole number",
        keys(META, recursion={"num_loops": "3"}))  # fmt: skip
    add("meta: another recursion", "meta.yaml says that", keys(META, recursion={"num_loops": 3}))
    add("meta: more keys beside", None, keys(META, note="mine", device="cuda", beam_size=3))
    add("meta: a missing file", "is not there", keys(META, files__lm_file="exp/none.pth"))
    add("meta: a language model without weights", "go together",
        yaml_of(META, lambda meta: meta["files"].pop("lm_file")))  # fmt: skip


def _with_file(key: str, value: str) -> Callable[[Members], None]:
    return yaml_of(META, lambda meta: meta["files"].update({key: value}))


def _number_key(meta: dict[Any, Any]) -> None:
    meta[5] = "five"


def _add_configs(add: Any) -> None:
    for key in ("token_list", "token_type", "bpemodel", "model_conf", "init", "normalize"):
        add(f"config: no {key}", f"has no {key}", without(CONFIG, key))
    for key in ("preprocessor_conf", "encoder_conf", "frontend_conf", "model_conf", "decoder_conf"):
        add(f"config: {key} null", f"{key} must", keys(CONFIG, **{key: None}))
        add(f"config: {key} a list", f"{key} must", keys(CONFIG, **{key: [1]}))
    for key, value in (("encoder", [1]), ("decoder", 5), ("normalize", {}), ("token_type", 7)):
        add(f"config: {key} no name", f"{key} must be text", keys(CONFIG, **{key: value}))
    add("config: tokens twice", "token_list has 'x' 2 times",
        yaml_of(CONFIG, lambda c: c["token_list"].__setitem__(slice(2), ["x", "x"])))  # fmt: skip
    add("config: a token that is a number", "token 3 is 5, which is no text",
        yaml_of(CONFIG, lambda config: config["token_list"].__setitem__(2, 5)))  # fmt: skip
    add("config: a token that is no", "token 3 is False, which is no text",
        yaml_of(CONFIG, lambda config: config["token_list"].__setitem__(2, False)))  # fmt: skip
    add("config: no tokens", "must be a list of tokens", keys(CONFIG, token_list=[]))
    add("config: fewer tokens", "does not fit",
        yaml_of(CONFIG, lambda config: config["token_list"].pop()))  # fmt: skip
    add("config: an unknown decoder", "cannot be built", keys(CONFIG, decoder="evil"))
    add("config: an unknown option", "cannot be built", keys(CONFIG, encoder_conf__evil=1))
    add("config: a sampling rate of words", "cannot be built|sampling rate",
        keys(CONFIG, frontend_conf__fs="fast"))  # fmt: skip
    add("config: no language model's name", "has no lm", without(LM_CONFIG, "lm"))
    add("config: no options of the language model", "lm_conf must",
        keys(LM_CONFIG, lm_conf=None))  # fmt: skip
    add("config: a token type without a tokenizer", "cannot be loaded: token_mode",
        keys(CONFIG, token_type="runes"))  # fmt: skip
    add("config: keys of another version", None, keys(CONFIG, new_option="x", new_conf={"a": 1}))


def _add_yaml(add: Any) -> None:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 11):
        repeats = b", ".join([b"*a%d" % (level - 1)] * 9)
        lines.append(b"a%d: &a%d [%s]" % (level, level, repeats))
    bomb = b"\n".join(lines) + b"\n"
    for name, member in (("meta", META), ("config", CONFIG), ("lm config", LM_CONFIG)):
        add(f"{name}: aliases that multiply", "too many values", prepended(member, bomb))
        add(f"{name}: an alias of itself", "stands in the very", prepended(member, b"z: &z [*z]\n"))
        add(f"{name}: deep nesting", "nested deeper|nesting",
            prepended(member, b"z: " + b"[" * 900 + b"]" * 900 + b"\n"))  # fmt: skip
        add(f"{name}: deeper nesting", "is not YAML|nested deeper",
            prepended(member, b"z: " + b"[" * 1_000_000 + b"\n"))  # fmt: skip
        add(f"{name}: bytes", "text that is not in UTF-8", put(member, b"\x80\x04\x95\xff\x00"))
        add(f"{name}: an object", "is not YAML",
            prepended(member, b"z: !!python/object/apply:os.system ['touch pwned']\n"))  # fmt: skip
        add(f"{name}: empty", "must hold keys and values", put(member, b""))
        add(f"{name}: a huge number", "digits", prepended(member, b"z: 0x" + b"f" * 99_999 + b"\n"))
    add("meta: UTF-16", "is text in UTF-16", _utf_16)


def _utf_16(members: Members) -> None:
    members[META] = members[META].decode().encode("utf-16")


def _add_sizes(add: Any) -> None:
    add("size: num_loops of a thousand million", "num_loops must be at most 10000",
        _sized(num_loops=10**9))  # fmt: skip
    for key in ("recurrent_blocks", "prelude_blocks", "linear_units"):
        add(f"size: {key} of a thousand million", "--any_size|meta.yaml says that",
            _sized(**{key: 10**9}))  # fmt: skip
    for loops, said in ((1000, "would execute 2,002"), (10**9, "max_loops is 1,000,000,000")):
        of_length = {"min_length": 1, "max_length": 2, "max_loops": loops}
        policy = {"loop_policy": "length", "loop_policy_conf": of_length}
        values = {f"encoder_conf__{key}": value for key, value in policy.items()}
        add(f"size: {loops} loops of a policy", f"{said}.*--any_size", keys(CONFIG, **values))
    add("size: loops beyond a thousand", "would execute 2,002 layers.*--any_size",
        _sized(num_loops=1000))  # fmt: skip
    add("size: input layer", "--any_size", keys(CONFIG, encoder_conf__input_channels=10**9))
    add("size: another input layer", "has another|not trained with|another shape",
        keys(CONFIG, encoder_conf__input_channels=3))  # fmt: skip
    for stride in (0, 17, 10**6):
        add(f"size: a stride of {stride}", "loop_strides must be a list of integers",
            keys(CONFIG, encoder_conf__loop_strides=[stride]))  # fmt: skip
    add("size: a stride of a thousand million", "--any_size",
        keys(CONFIG, encoder_conf__loop_strides=[10**9]))  # fmt: skip
    add("size: other strides", "not trained with|does not fit",
        keys(CONFIG, encoder_conf__loop_strides=[2]))  # fmt: skip
    add("size: decoder", "--any_size", keys(CONFIG, decoder_conf__num_blocks=10**9))
    add("size: language model", "--any_size", keys(LM_CONFIG, lm_conf__layer=10**9))
    add("size: features", "--any_size", keys(CONFIG, input_size=10**12))
    add("size: spectrum", "--any_size", keys(CONFIG, frontend_conf__n_fft=10**9))
    add("size: bands", "--any_size", keys(CONFIG, frontend_conf__n_mels=10**9))
    add("size: infinite", "--any_size", keys(CONFIG, decoder_conf__num_blocks=float("inf")))
    add("size: thirty loops", None, _sized(num_loops=30))


def _sized(**values: int) -> Callable[[Members], None]:
    """Another recursion, in meta.yaml as well: nobody else can tell."""

    def run(members: Members) -> None:
        keys(CONFIG, **{f"encoder_conf__{key}": value for key, value in values.items()})(members)
        if "linear_units" not in values:
            keys(META, **{f"recursion__{key}": value for key, value in values.items()})(members)

    return run


def _add_files(add: Any) -> None:
    add("weights: a pickle that runs", "objects of Python .*runs code",
        put(WEIGHTS, saved({"a": Runs()})))  # fmt: skip
    add("weights: a bare pickle that runs", "cannot be read as weights",
        put(WEIGHTS, pickle.dumps(Runs())))  # fmt: skip
    add("weights: the language model's run", "objects of Python .*runs code",
        put(LM_WEIGHTS, saved({"a": Runs()})))  # fmt: skip
    add("weights: with an adapter, a pickle that runs", "runs code",
        lambda members: (keys(CONFIG, use_adapter=True)(members),
                         put(WEIGHTS, saved(Runs()))(members)))  # fmt: skip
    add("weights: empty", "cannot be read as weights", put(WEIGHTS, b""))
    add("weights: text", "cannot be read as weights", put(WEIGHTS, b"<html>404</html>"))
    add("weights: cut", "3epoch.pth is damaged: ", cut(WEIGHTS, 0.5))
    add("weights: a list", "holds something else", put(WEIGHTS, saved([torch.zeros(3)])))
    add("weights: numbers", "holds something else", put(WEIGHTS, saved({"a": 5})))
    add("weights: missing", "1 missing", weights(lambda s: (s.pop("ctc.ctc_lo.bias"), None)[1]))
    add("weights: another shape", "of another shape",
        weights(lambda s: s.update({"ctc.ctc_lo.bias": torch.zeros(7)})))  # fmt: skip
    add("weights: names that are numbers", "does not fit|something else",
        weights(lambda state: {**state, 5: torch.zeros(3)}))  # fmt: skip
    add("weights: sparse", "sparse",
        weights(lambda s: s.update({"ctc.ctc_lo.weight": _sparse()})))  # fmt: skip
    add("weights: zeros that were compressed", "its tensors would take", _compressed_zeros)
    _add_fingerprints(add)
    add("bpe.model: cut", "no model of sentencepiece|cannot be read", cut(BPE, 0.5))
    add("bpe.model: empty", "no model of sentencepiece|cannot be read", put(BPE, b""))
    add("bpe.model: text", "no model of sentencepiece|cannot be read", put(BPE, b"hello\n"))
    add("bpe.model: missing", "which is not there", lambda members: members.pop(BPE))
    add("stats: cut", "was cut off", cut(STATS, 0.5))
    add("stats: a pickle", "holds no sums", put(STATS, pickle.dumps(Runs())))
    add("stats: an array of objects", "holds no sums", put(STATS, _object_array()))
    add("stats: huge", "too many", _huge_stats)
    add("stats: other names", "holds no sums", put(STATS, _npz(a=np.zeros(3))))
    add("stats: missing", "which is not there", lambda members: members.pop(STATS))
    add("card: no text", None, put(CARD, b"\xff\xfe\x00"))


def _add_fingerprints(add: Any) -> None:
    other = "its fingerprint was written by a newer version .* or by something else"
    texts = {
        "no JSON": "\xff{",
        "another": '{"fingerprint": {"another": 1}}',
        "numbers": '{"fingerprint": {"settings": 5, "data": 3}}',
        "a list": '{"fingerprint": {"settings": [["encoder", "x"]]}}',
        "deep": '{"fingerprint": {"settings": {"a": ' + "[" * 900 + "]" * 900 + "}}}",
        "deeper": '{"fingerprint": {"settings": {"a": ' + "[" * 1_000_000,
    }
    for name, text in texts.items():
        refusal = f"{other}|was not trained with" if name == "deep" else other
        add(f"fingerprint: {name}", refusal, _noted(text))
    add("fingerprint: no text", "is damaged", _noted(b"\xff\xfe"))
    add("fingerprint: empty", "was not trained with", _noted('{"fingerprint": {"settings": {}}}'))
    add("fingerprint: lines", r"was not trained with .*a\\n\\x1b\[31mb",
        _noted(r'{"fingerprint": {"settings": {"a\n\u001b[31mb": 1}}}'))  # fmt: skip
    add(
        "fingerprint: files elsewhere",
        "was not trained with",
        _noted('{"fingerprint": {"settings": {"bpemodel": {"file": "/etc/passwd", "mean": [1]}}}}'),
    )


def without_note(weights: bytes, note: str | bytes | None = None) -> bytes:
    """Weights without the note that travels in them, or with another."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(weights)) as stored:
        names = [name for name in stored.namelist() if "/extra/" not in name]
        with zipfile.ZipFile(changed, "w") as archive:
            for name in names:
                archive.writestr(name, stored.read(name))
            if note is not None:
                archive.writestr(f"{names[0].split('/')[0]}/extra/espnet_recursive.json", note)
    return changed.getvalue()


def _noted(note: str | bytes) -> Callable[[Members], object]:
    """Give the weights a note, in the place of theirs."""
    return lambda members: members.update({WEIGHTS: without_note(members[WEIGHTS], note)})


def _sparse() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.zeros(30, 16).to_sparse()


def _compressed_zeros(members: Members) -> None:
    """Weights that fit, one of them a view of 200 MB of zeros in a file of 200 kB."""
    state = torch.load(io.BytesIO(members[WEIGHTS]), weights_only=True)
    state["ctc.ctc_lo.bias"] = torch.zeros(50_000_000)[:30]
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(state))) as stored:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as deflated:
            for name in stored.namelist():
                deflated.writestr(name, stored.read(name))
    members[WEIGHTS] = buffer.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _object_array() -> bytes:
    return _npz(count=np.array([Runs()], dtype=object), sum=np.zeros(80), sum_square=np.ones(80))


def _huge_stats(members: Members) -> None:
    members[STATS] = _npz(count=np.array(9), sum=np.zeros(10_000_000), sum_square=np.zeros(80))


def _add_zips(add: Any, secret: Path) -> None:
    damaged = "no packed model, or was cut off or damaged"
    add("zip: a member above", "leads out of its folder", put("../evil.txt", b"evil"))
    add("zip: an absolute member", "leads out of its folder", put(f"{secret}", b"evil"))
    add("zip: backslashes", "leads out of its folder", put("..\\..\\evil.txt", b"evil"))
    add("zip: a link", "is a link or a device", write=_with_mode(stat.S_IFLNK | 0o777))
    add("zip: a device", "is a link or a device", write=_with_mode(stat.S_IFCHR | 0o666))
    add("zip: a pipe", "is a link or a device", write=_with_mode(stat.S_IFIFO | 0o666))
    add("zip: zeros", "and would take .* unpacked", write=_with_zeros)
    add("zip: many files", "more than 10,000", write=_with_many)
    add("zip: a name twice", "twice", write=_with_name_twice)
    add("zip: encrypted", "is encrypted", write=_flags(0x1, 0))
    add("zip: unknown compression", "compressed by the method 99", write=_flags(0, 99))
    add("zip: a file that is also a folder", "cannot be unpacked|damaged",
        put("exp", b"a file"))  # fmt: skip
    add("zip: a long name", "cannot be unpacked", put("x" * 3000, b""))
    add("zip: no meta.yaml", "meta.yaml of ESPnet's packs is not in it",
        lambda members: members.pop(META))  # fmt: skip
    add("zip: cut", damaged, write=rewritten(lambda whole: whole[: len(whole) // 2]))
    add("zip: empty", damaged, write=rewritten(lambda whole: b""))
    add("zip: random", damaged, write=rewritten(lambda whole: bytes(range(256)) * 40))
    add("zip: wrong sizes", damaged, write=rewritten(_wrong_sizes))
    add("zip: folders of its own", None, put("exp/", b""))
    add("zip: deflated", None, write=_method(zipfile.ZIP_DEFLATED))
    add("zip: bzip2", None, write=_method(zipfile.ZIP_BZIP2))
    add("zip: lzma", None, write=_method(zipfile.ZIP_LZMA))
    add("zip: a file called .unpacked", None, put(".unpacked/x", b""))


def _with_mode(mode: int) -> Callable[[Path, Members], None]:
    def write(path: Path, members: Members) -> None:
        write_zip(path, members)
        info = zipfile.ZipInfo("data/link")
        info.external_attr = mode << 16
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(info, "/etc/passwd")

    return write


def _with_zeros(path: Path, members: Members) -> None:
    write_zip(path, members)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros", "w") as file:
            for _ in range(200):
                file.write(bytes(1_000_000))


def _with_many(path: Path, members: Members) -> None:
    write_zip(path, members | {f"many/{number}": b"" for number in range(10_001)})


def _with_name_twice(path: Path, members: Members) -> None:
    write_zip(path, members)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(META, members[META])


def _method(method: int) -> Callable[[Path, Members], None]:
    def write(path: Path, members: Members) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return write


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path, Members], None]:
    def write(path: Path, members: Members) -> None:
        write_zip(path, members)
        path.write_bytes(change(path.read_bytes()))

    return write


def _flags(flags: int, method: int) -> Callable[[Path, Members], None]:
    """Set flags or the method of the last member in the zip file's directory."""

    def change(whole: bytes) -> bytes:
        at = whole.rindex(b"PK\x01\x02")
        content = bytearray(whole)
        if flags:
            struct.pack_into("<H", content, at + 8, flags)
        else:
            struct.pack_into("<H", content, at + 10, method)
        return bytes(content)

    return rewritten(change)


def _wrong_sizes(whole: bytes) -> bytes:
    """The last member promises a thousand bytes more than there are."""
    at = whole.rindex(b"PK\x01\x02")
    content = bytearray(whole)
    for offset in (20, 24):
        (size,) = struct.unpack_from("<I", content, at + offset)
        struct.pack_into("<I", content, at + offset, size + 1000)
    return bytes(content)
