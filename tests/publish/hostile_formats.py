"""Packs whose files are made by tricks of their formats: PyTorch, sentencepiece, NumPy, zip."""

import io
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch

from tests.publish.hostile_packs import (
    BPE,
    LM_WEIGHTS,
    META,
    STATS,
    WEIGHTS,
    Members,
    Runs,
    appended,
    put,
    rewritten,
    saved,
    weights,
    write_zip,
)


def add_kinds(add: Any) -> None:
    """Add all kinds of this module."""
    _add_weights(add)
    _add_pickles(add)
    _add_sentencepiece(add)
    _add_stats(add)
    _add_zips(add)


# Weights.

_ONE = "ctc.ctc_lo.weight"
_UNREADABLE = "cannot be read as weights"


def with_part(name: str, change: Callable[[bytes], bytes | None]) -> Callable[[Members], None]:
    """Change a part of the recogniser's checkpoint, and its checksum; None leaves it out."""

    def run(members: Members) -> None:
        parts = {}
        with zipfile.ZipFile(io.BytesIO(members[WEIGHTS])) as stored:
            for member in stored.namelist():
                data: bytes | None = stored.read(member)
                if member.endswith(f"/{name}"):
                    data = change(data or b"")
                if data is not None:
                    parts[member] = data
        members[WEIGHTS] = _zip_of(parts)

    return run


def with_one(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Members], None]:
    """Change one tensor of the recogniser."""
    return weights(lambda state: state.update({_ONE: change(state[_ONE])}))


def filled(value: float, member: str = WEIGHTS) -> Callable[[Members], object]:
    """Give one of the tensors a value throughout."""

    def fill(state: dict[str, torch.Tensor]) -> None:
        next(v for k, v in state.items() if k.endswith("bias")).fill_(value)

    return weights(fill, member)


def _add_weights(add: Any) -> None:
    def all_as(kind: torch.dtype) -> Callable[[Members], None]:
        return weights(lambda state: {name: value.to(kind) for name, value in state.items()})

    for kind in (torch.float16, torch.bfloat16, torch.float64):
        add(f"weights: {kind}", None, all_as(kind))
    for kind in (torch.int8, torch.bool, torch.complex64):
        add(f"weights: {kind}", "108 of another type .*, not float32", all_as(kind))
    plain = "sparse, nested or quantised"
    add("weights: quantised", plain,
        with_one(lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8)))  # fmt: skip
    add("weights: nested", plain,
        with_one(lambda w: torch.nested.nested_tensor([w[0], w[0, :3]])))  # fmt: skip
    add("weights: of no device", plain, with_one(lambda w: w.to("meta")))
    add("weights: transposed", None, with_one(lambda w: w.T.contiguous().T))
    add("weights: one row for all", None, with_one(lambda w: w[:1].expand(len(w), -1)))
    for value in (float("inf"), float("nan")):
        add(f"weights: {value}", "no numbers", filled(value))
        add(f"language model's weights: {value}", "no numbers", filled(value, LM_WEIGHTS))
    add("weights: no tensors", "does not fit", put(WEIGHTS, saved({})))
    names = {"__class__": torch.zeros(1), "encoder.__dict__.x": torch.zeros(1)}
    add("weights: names of other attributes", "2 left over", weights(lambda s: s | names))
    lines = {f"x{number}\x1b[2J\n": torch.zeros(1) for number in range(1000)}
    add("weights: names with line ends", "1000 left over", weights(lambda s: s | lines))
    add("weights: state_dict in state_dict", None, weights(lambda s: {"state_dict": s}))
    add("weights: state_dict within module", "something else",
        weights(lambda s: {"module": {"a": {"module": s}}}))  # fmt: skip
    add("language model's weights: missing", "1 missing",
        weights(lambda s: dict(list(s.items())[1:]), LM_WEIGHTS))  # fmt: skip


def _add_pickles(add: Any) -> None:
    add("weights: as of PyTorch 1.5", None, _as_of_old)
    add("weights: as of PyTorch 1.5, which run", "objects of Python",
        put(WEIGHTS, _saved_of_old({"a": Runs()})))  # fmt: skip
    add("weights: a network of TorchScript", "made up", _scripted)
    add("weights: a zip file of something", _UNREADABLE, put(WEIGHTS, _zip_of({"a/b": b"x"})))
    add("weights: a zip file of nothing", _UNREADABLE, put(WEIGHTS, _zip_of({})))
    pickles: dict[str, tuple[Callable[[bytes], bytes], str | None]] = {
        "lists that multiply": (lambda _: _laughs(), "something else"),
        "deep": (lambda _: b"\x80\x02" + b"(" * 99_999 + b"N" + b"t" * 99_999 + b".", "something"),
        "a pickle without an end": (lambda data: data[:-1], _UNREADABLE),
        "a pickle of a later protocol": (lambda data: b"\x80\x63" + data[2:], None),
        "a place of two thousand million": (lambda _: b"\x80\x02Nr\xff\xff\xff\x7f.", "something"),
        "text of 2 GB": (lambda _: b"\x80\x02X\xff\xff\xff\x7fabc.", _UNREADABLE),
        "a storage of 8 TB": (_larger_storage, _UNREADABLE),
    }
    for name, (change, refusal) in pickles.items():
        add(f"weights: {name}", refusal, with_part("data.pkl", change))
    add("weights: bytes in the other order", "no numbers", with_part("byteorder", lambda _: b"big"))
    add("weights: bytes in no order", _UNREADABLE, with_part("byteorder", lambda _: b"middle"))
    add("weights: a short part", "record size", with_part("data/0", lambda data: data[:-4]))
    add("weights: a part too few", _UNREADABLE, with_part("data/0", lambda _: None))


def _laughs() -> bytes:
    """A pickle of lists of lists, of 10^10 items where they are counted one by one."""
    inner: Any = ["x"] * 10
    for _ in range(9):
        inner = [inner] * 10
    return pickle.dumps(inner, protocol=2)


def _larger_storage(data: bytes) -> bytes:
    """The first storage of 30 numbers becomes one of 2 * 10^12."""
    at = data.index(b"K\x1e")  # 30, in one byte
    return data[:at] + b"\x8a\x06" + (2 * 10**12).to_bytes(6, "little") + data[at + 2 :]


def _as_of_old(members: Members) -> None:
    members[WEIGHTS] = _saved_of_old(torch.load(io.BytesIO(members[WEIGHTS]), weights_only=True))


def _saved_of_old(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def _scripted(members: Members) -> None:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    members[WEIGHTS] = buffer.getvalue()


def _zip_of(members: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# Sentencepiece.


def _add_sentencepiece(add: Any) -> None:
    unreadable = "which cannot be read"
    noise = np.random.default_rng(0).bytes(100_000)
    contents = {
        "of zeros": bytes(1_000_000),
        "random": noise,
        "a length without an end": b"\x0a\xff\xff\xff\xff\x0f" + b"a" * 99,
        "a group without an end": b"\x0b" * 100_000,
    }
    for name, content in contents.items():
        add(f"bpe.model: {name}", unreadable, put(BPE, content))
    add("bpe.model: twice", unreadable, lambda m: m.update({BPE: m[BPE] * 2}))
    # Recognising reads the pieces of the token list, and no more.
    add("bpe.model: of other tokens", None, _other_pieces)
    score = b"\x15" + struct.pack("<f", float("nan"))
    more: dict[str, tuple[bytes, str | None]] = {
        "an empty piece": (_piece(b""), unreadable),
        "a piece twice": (_piece(b"<unk>"), None),
        "a piece that is not in UTF-8": (_piece(b"\xff\xfe"), None),
        "a piece of no score": (_field(1, _field(1, b"zz") + score), None),
        "100,000 more pieces": (b"".join(_piece(b"p%d" % n) for n in range(100_000)), None),
        "rules of noise": (_rules(b"\xff\xff\xff\x7f" + noise), unreadable),
        "rules that lead out": (_rules(struct.pack("<I", 1024) + b"\xff" * 2048), unreadable),
    }
    for name, (field, refusal) in more.items():
        add(f"bpe.model: {name}", refusal, appended(BPE, field))


def _piece(text: bytes) -> bytes:
    return _field(1, _field(1, text))


def _rules(compiled: bytes) -> bytes:
    """Those of the normaliser."""
    return _field(3, _field(2, compiled))


def _field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer."""
    size, length = len(content), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([number << 3 | 2]) + length + content


def _other_pieces(members: Members) -> None:
    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["quick brown fox jumps over the lazy dog"] * 20),
        model_writer=buffer, vocab_size=30, model_type="bpe", minloglevel=2,
    )  # fmt: skip
    members[BPE] = buffer.getvalue()


# Statistics.


def _add_stats(add: Any) -> None:
    good = {"count": np.array(9), "sum": np.zeros(80), "sum_square": np.ones(80)}
    fit, built = "of another shape", "cannot be built"
    kinds: dict[str, tuple[dict[str, np.ndarray], str | None]] = {
        # The weights hold what was made of them in training, and go before them.
        "of no frames": ({"count": np.array(0)}, None),
        "of fewer than no frames": ({"count": np.array(-9)}, None),
        "a count of each": ({"count": np.full(80, 9)}, None),
        "NaN": ({"sum": np.full(80, np.nan)}, None),
        "infinite": ({"sum_square": np.full(80, np.inf)}, None),
        "another size": ({"sum": np.zeros(7), "sum_square": np.ones(7)}, fit),
        "sizes that differ": ({"sum_square": np.ones(7)}, built),
        "complex": ({"sum": np.zeros(80, complex)}, "of another type"),
        "text": ({"sum": np.array(["x"] * 80)}, "holds no sums"),
        "dates": ({"sum": np.zeros(80, "M8[s]")}, built),
        "nothing": ({"sum": np.zeros(0), "sum_square": np.zeros(0)}, fit),
        "matrices": ({"sum": np.zeros((80, 80)), "sum_square": np.ones((80, 80))}, fit),
    }
    for name, (changed, refusal) in kinds.items():
        add(f"stats: {name}", refusal, put(STATS, _npz(**(good | changed))))
    names = ("count.npy", "sum.npy", "sum_square.npy")
    for name, shape in (("10^12 values", b"(1000000000000,)"), ("-1 values", b"(-1,)")):
        npy = _npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': %s, }" % shape)
        add(f"stats: {name}", "holds no sums", put(STATS, _zip_of(dict.fromkeys(names, npy))))
        add(f"stats: {name} in an old file", "holds no sums", put(STATS, npy))
    deep = _npy(b"{'descr': " + b"[" * 5000 + b"]" * 5000 + b"}")
    add("stats: a deep header", "holds no sums", put(STATS, deep))


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _npy(header: bytes) -> bytes:
    """A file of NumPy's that has a header alone."""
    header += b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


# Zip files.


def _add_zips(add: Any) -> None:
    damaged, out, twice = "was cut off or damaged", "leads out of its folder", "twice"
    names: dict[str, tuple[str, str | None]] = {
        "a null character": ("extra\0.txt", None),
        "a null behind meta.yaml": ("meta.yaml\0x", twice),
        "a line's end": ("a\nb\x1b[31m.txt", None),
        "a dot": ("./meta.yaml", twice),
        "two slashes": ("exp//lm/config.yaml", twice),
        "slashes and dots": ("exp//lm/../../../x", out),
        "only dots": ("..", out),
        "nothing": ("", damaged),
        "only a slash": ("/", out),
        "a drive": ("C:\\evil.txt", None),  # of Windows; here it is a plain name
        "capitals": ("META.YAML", None),
        "fifty folders": ("a/" * 50 + "x", "lies deeper than 50 folders"),
        "thousands of folders": ("a/" * 1500 + "x", "lies deeper than 50 folders"),
    }
    for kind, (name, refusal) in names.items():
        add(f"zip: a name of {kind}", refusal, put(name, b"files: 5"))
    add("zip: a folder with content", None, put("data/", b"x" * 100))
    add("zip: a folder in the place of meta.yaml", damaged,
        lambda members: (members.pop(META), members.update({"meta.yaml/": b""})))  # fmt: skip
    add(
        "zip: another name among the extras", "leads out of its folder|damaged", write=_unicode_path
    )
    add("zip: members that overlap", damaged, write=_overlapping)
    add("zip: a window of 4 GB", None, write=_lzma_window)
    add("zip: two directories", "meta.yaml has no yaml_files", write=_two_directories)
    add("zip: a gzipped tar", damaged, write=_tar)
    changes: dict[str, tuple[Callable[[bytes], bytes], str | None]] = {
        "a script before it": (lambda whole: b"#!/bin/sh\ntouch pwned\n" + whole, None),
        "bytes behind it": (lambda whole: whole + b"x" * 100, None),
        "another name in the file": (lambda w: w.replace(META.encode(), b"evil.yaml", 1), damaged),
        "a size of zip64 that is not there": (_zip64, "times as much"),
        "a long comment": (
            lambda whole: whole[:-2] + struct.pack("<H", 65_535) + b"c" * 65_535, None),
        "a wrong checksum": (lambda whole: _at(whole, b"PK\1\2", 16, b"\0\0\0\0"), damaged),
        "several disks": (lambda whole: _at(whole, b"PK\5\6", 4, b"\3\0\2\0"), None),
        "a directory before its begin": (
            lambda whole: _at(whole, b"PK\5\6", 12, b"\0\xff\xff\xff" * 2), damaged),
    }  # fmt: skip
    for name, (change, refusal) in changes.items():
        add(f"zip: {name}", refusal, write=rewritten(change))
    for number, name in ((9, "Deflate64"), (93, "Zstandard")):
        add(f"zip: {name}", f"the method {number}, which|damaged", write=_method(number))


def _at(whole: bytes, mark: bytes, offset: int, values: bytes) -> bytes:
    """Bytes with others some way behind the last place of a mark."""
    at = whole.rindex(mark) + offset
    return whole[:at] + values + whole[at + len(values) :]


def _overlapping(path: Path, members: Members) -> None:
    """Ninety members of the directory are one in the file."""
    write_zip(path, members | {"big": bytes(1_000_000)})
    whole = path.read_bytes()
    end = whole.rindex(b"PK\5\6")
    count, size, start = struct.unpack_from("<HII", whole, end + 10)
    directory = whole[start : start + size]
    entry = directory[directory.rindex(b"PK\1\2") :]
    more = b"".join(entry.replace(b"big", b"b%02d" % number) for number in range(90))
    numbers = struct.pack("<HHII", count + 90, count + 90, size + len(more), start)
    tail = _at(whole[end:], b"PK\5\6", 8, numbers)
    path.write_bytes(whole[:start] + directory + more + tail)


def _unicode_path(path: Path, members: Members) -> None:
    """A field that says another name, of Info-ZIP's."""
    write_zip(path, members)
    info = zipfile.ZipInfo("data/plain")
    name = b"../../evil.txt"
    field = b"\x01" + struct.pack("<I", zlib.crc32(b"data/plain")) + name
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, b"x")


def _lzma_window(path: Path, members: Members) -> None:
    """LZMA whose header asks for a window of 4 GB."""
    write_zip(path, members)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("data/lzma", b"x" * 100)
    whole = bytearray(path.read_bytes())
    # Behind the name: a version, the size of the properties, one of bits, and the window.
    at = whole.index(b"data/lzma") + len(b"data/lzma") + 5
    struct.pack_into("<I", whole, at, 0xFFFFFFFF)
    path.write_bytes(bytes(whole))


def _zip64(whole: bytes) -> bytes:
    return _at(whole, b"PK\1\2", 20, b"\xff" * 8)


def _two_directories(path: Path, members: Members) -> None:
    """A whole zip file in the comment of another."""
    write_zip(path, members)
    first = path.read_bytes()
    write_zip(path, members | {META: b"files: 5"})
    second = path.read_bytes()
    path.write_bytes(first[:-2] + struct.pack("<H", len(second) % 65536) + second)


def _method(number: int) -> Callable[[Path, Members], None]:
    def change(whole: bytes) -> bytes:
        method = struct.pack("<H", number)
        return _at(_at(whole, b"PK\1\2", 10, method), b"PK\3\4", 8, method)

    return rewritten(change)


def _tar(path: Path, members: Members) -> None:
    """A pack as ESPnet's first versions made it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
