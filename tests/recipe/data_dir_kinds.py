"""Data directories as people have them: what is read of each kind, or how it is refused."""

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
TEXT = {"a-1": "ONE", "a-2": "TWO THREE", "b-1": "ZWÖLF"}


@dataclass
class Source:
    """A data directory that is made, and changed, before it is read.

    Attributes:
        folder: Where it is; the recordings are beside it, in a folder of their own.
        tables: Name -> content, of three utterances of two speakers.
    """

    folder: Path
    tables: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.audio = self.folder.parent / "recordings"
        self.audio.mkdir(parents=True)
        self.folder.mkdir()
        self.lengths = {}
        for number, key in enumerate(TEXT):
            self.lengths[key] = 1600 + 160 * number
            soundfile.write(self.audio / f"{key}.wav", samples(self.lengths[key]), RATE)
        self.table("wav.scp", {key: self.audio / f"{key}.wav" for key in TEXT})
        self.table("text", TEXT)
        self.table("utt2spk", {key: key[0] for key in TEXT})

    def table(self, name: str, rows: dict[str, object]) -> None:
        """Give a table other rows."""
        lines = "".join(f"{key} {value}\n" for key, value in rows.items())
        self.tables[name] = lines.encode()

    def value(self, key: str, value: object) -> None:
        """Give an utterance another value in wav.scp."""
        rows = {k: self.audio / f"{k}.wav" for k in TEXT}
        self.table("wav.scp", rows | {key: value})

    def line(self, name: str, key: str, line: bytes) -> None:
        """Write the line of an utterance in another way."""
        lines = self.tables[name].split(b"\n")
        at = next(n for n, text in enumerate(lines) if text.startswith(key.encode()))
        lines[at] = line
        self.tables[name] = b"\n".join(lines)

    def each(self, change: Callable[[bytes], bytes], *names: str) -> None:
        """Change the contents of tables, of all by default."""
        for name in names or tuple(self.tables):
            self.tables[name] = change(self.tables[name])

    def write(self) -> Path:
        """Write the tables that are not there yet."""
        for name, content in self.tables.items():
            if not os.path.lexists(self.folder / name):
                (self.folder / name).write_bytes(content)
        return self.folder


def samples(length: int) -> np.ndarray:
    """A tone, int16 (samples,)."""
    return (9000 * np.sin(np.arange(length) / 7)).astype(np.int16)


@dataclass(frozen=True)
class Kind:
    """A kind of data directory.

    Attributes:
        change: Makes it of a good one.
        refusal: What is said of it, a regular expression; None where it is read.
        text: Transcripts that are to be read.
    """

    change: Callable[[Source], object]
    refusal: str | None = None
    text: dict[str, str] | None = None


def kinds() -> dict[str, Kind]:
    """All kinds."""
    made: dict[str, Kind] = {}

    def add(name, change, refusal=None, text=None):
        assert name not in made, name
        made[name] = Kind(change, refusal, text or TEXT)

    _add_tables(add)
    _add_texts(add)
    _add_ids(add)
    _add_audio(add)
    _add_commands(add)
    _add_segments(add)
    return made


def _add_tables(add):
    add("plain", lambda s: None)
    add("Windows line ends", lambda s: s.each(lambda c: c.replace(b"\n", b"\r\n")))
    add("line ends of both kinds", lambda s: s.each(lambda c: c.replace(b"\n", b"\r\n", 1)))
    add(
        "line ends of old Macs",
        lambda s: s.each(lambda c: c.replace(b"\n", b"\r")),
        "wav\\.scp ends its lines with carriage returns alone",
    )
    add("byte order marks", lambda s: s.each(lambda c: b"\xef\xbb\xbf" + c))
    add("no last line end", lambda s: s.each(lambda c: c.removesuffix(b"\n")))
    add(
        "UTF-16",
        lambda s: s.each(lambda c: c.decode().encode("utf-16"), "text"),
        "text is not in UTF-8 but in UTF-16",
    )
    add(
        "UTF-16 without a mark",
        lambda s: s.each(lambda c: c.decode().encode("utf-16-le"), "text"),
        "iconv -f UTF-16LE",
    )
    add(
        "Latin-1",
        lambda s: s.each(lambda c: c.decode().encode("latin-1"), "text"),
        "text is not in UTF-8",
    )
    add(
        "zero bytes",
        lambda s: s.each(lambda c: c.replace(b"TWO", b"\0"), "text"),
        "line 2 holds a zero byte",
    )
    add("gzip", lambda s: s.each(gzip.compress, "text"), "text is compressed")
    add("tabs behind ids", lambda s: s.each(lambda c: _after_id(c, b"\t")))
    add("many spaces behind ids", lambda s: s.each(lambda c: _after_id(c, b"   ")))
    add("spaces at line ends", lambda s: s.each(lambda c: c.replace(b"\n", b" \t\n")))
    add(
        "spaces before ids",
        lambda s: s.each(lambda c: b"  " + c.replace(b"\n", b"\n  ").rstrip(b" ")),
        None,
    )
    add(
        "ideographic space behind ids",
        lambda s: s.each(lambda c: _after_id(c, "\u3000".encode())),
        None,
    )
    add(
        "an empty line within",
        lambda s: s.each(lambda c: c.replace(b"\n", b"\n\n", 1)),
        "line 2: expected 'key value'",
    )
    add(
        "empty lines at the end",
        lambda s: s.each(lambda c: c + b"\n\n"),
        "line 4: expected 'key value'",
    )
    add("a comment", lambda s: s.each(lambda c: b"# made by hand\n" + c), "utterance #")
    add("unsorted", lambda s: s.each(_reversed))
    add("unsorted wav.scp", lambda s: s.each(_reversed, "wav.scp"))
    add(
        "a line twice",
        lambda s: s.each(lambda c: c + c.split(b"\n")[0] + b"\n"),
        "line 4: a-1 comes twice",
    )
    add(
        "an id twice",
        lambda s: s.each(lambda c: c + b"a-1 OTHER\n", "text"),
        "line 4: a-1 comes twice",
    )
    add("empty tables", lambda s: s.each(lambda c: b""), "text is empty")
    for name in ("wav.scp", "text", "utt2spk"):
        _add_table(add, name)
    add("tables that are links", _linked)
    others = ("utt2dur", "utt2num_frames", "feats.scp", "cmvn.scp", "vad.scp", "spk2gender")
    others += ("spk2utt", "reco2file_and_channel", "utt2lang", "stm", "glm", "utt2num_samples")
    add("other tables beside", lambda s: s.tables.update(dict.fromkeys(others, b"a-1 x y z\n")))
    add("what file managers leave", _litter)


def _add_table(add, name):
    add(f"no {name}", lambda s: s.tables.pop(name), f"{name} does not exist")
    add(f"{name} is a folder", lambda s: (s.folder / name).mkdir(), f"{name} is a folder")
    add(f"{name} is a pipe", lambda s: os.mkfifo(s.folder / name), f"{name} is a pipe")
    add(f"{name} leads nowhere", lambda s: (s.folder / name).symlink_to("/nowhere"),
        f"{name} does not exist")  # fmt: skip
    add(f"{name} with a line emptied", lambda s: s.line(name, "a-2", b""), "line 2: expected")
    add(f"{name} without an utterance",
        lambda s: s.each(lambda content: content[: content.index(b"b-1")], name),
        "1 utterances of .* are not in .*: b-1")  # fmt: skip
    add(f"{name} with one more", lambda s: s.each(lambda content: content + b"c-1 x\n", name),
        "1 utterances of .* are not in .*: c-1")  # fmt: skip


def _after_id(content: bytes, space: bytes) -> bytes:
    return b"".join(line.replace(b" ", space, 1) for line in content.splitlines(keepends=True))


def _reversed(content: bytes) -> bytes:
    return b"".join(reversed(content.splitlines(keepends=True)))


def _linked(source: Source) -> None:
    elsewhere = source.folder.parent / "elsewhere"
    elsewhere.mkdir()
    for name, content in source.tables.items():
        (elsewhere / name).write_bytes(content)
        (source.folder / name).symlink_to(elsewhere / name)


def _litter(source: Source) -> None:
    for name in ("._text", ".DS_Store", "._wav.scp", "Thumbs.db"):
        (source.folder / name).write_bytes(b"\0\5\x16\7")
    (source.folder / "@eaDir").mkdir()


def _add_texts(add):
    def text(name, content, read=None):
        read = content if read is None else read
        add(name, lambda s: s.table("text", TEXT | {"a-2": content}), None, TEXT | {"a-2": read})

    text("an empty text", "")
    text("a text of spaces", " \u3000 ", "")
    text("no-break spaces", "TWO\u00a0THREE", "TWO THREE")
    text("ideographic spaces", "二\u3000三", "二 三")
    text("line separators of Unicode", "TWO\u2028THREE\u2029FOUR\x85FIVE", "TWO THREE FOUR FIVE")
    text("a vertical tab and a form feed", "TWO\x0bTHREE\x0cFOUR", "TWO THREE FOUR")
    text("separators of ASCII", "TWO\x1cTHREE\x1fFOUR", "TWO THREE FOUR")
    text("a mark within", "TWO\ufeffTHREE", "TWOTHREE")
    text("zero-width characters", "TW\u200bO T\u200dHREE")
    text("decomposed letters", "ZWO\u0308LF")
    text("right to left", "שלום عالم")
    text("emoji", "👍🏽 OK")
    text("full-width letters", "ＡＢＣ１")
    text("quotes and backslashes", 'DON\'T "QUOTE" \\n \\')
    text("words that are markup", "<unk> <blank> <sos/eos> <space> [NOISE]")
    text("punctuation alone", "... ?!")
    text("numbers", "1 2.5 -3")
    text("a long text", "WORD " * 20_000, ("WORD " * 20_000).rstrip())
    text("control characters", "TWO\x07\x1b[31m")
    add(
        "texts that are all empty",
        lambda s: s.table("text", dict.fromkeys(TEXT, "")),
        None,
        dict.fromkeys(TEXT, ""),
    )


def _add_ids(add):
    def ids(name, *keys, refusal=None):
        def change(s):
            names = dict(zip(TEXT, keys, strict=True))
            s.table("wav.scp", {names[k]: s.audio / f"{k}.wav" for k in TEXT})
            s.table("text", {names[k]: v for k, v in TEXT.items()})
            s.table("utt2spk", {names[k]: k[0] for k in TEXT})
            s.lengths = {names[k]: v for k, v in s.lengths.items()}

        add(name, change, refusal, dict(zip(keys, TEXT.values(), strict=True)))

    ids("ids of Chinese", "甲-1", "甲-2", "乙-1")
    ids("ids with slashes", "a/1", "a/2", "b/1")
    ids("ids of 300 characters", *(c * 300 for c in "abc"))
    ids("ids that differ in case", "utt", "UTT", "Utt")
    ids("ids composed and decomposed", "\u00e9-1", "e\u0301-1", "b")
    ids("ids with endings of files", "a.wav", "a.flac", "a")
    ids("ids that are numbers", "1", "01", "1.0")
    ids("ids with dots and hyphens first", ".a", "-b", "..c")
    ids("ids of shells", "$(x)", "`x`", ";x|&*?")
    ids("ids of Windows", "a\\b", "c:d", "CON")
    ids("ids that are absolute", "/a/1", "/a/2", "/b", refusal="an absolute path")
    ids("ids that lead up", "../a", "b/../../c", "d", refusal="a path that goes up")
    ids("ids with control characters", "a\x07", "b\x1b[31m", "c\x7f")
    ids("ids with zero width", "a\u200b", "a", "b")
    ids("ids with spaces of Unicode", "a\u00a01", "a\u00a02", "b\u00a01", refusal="a comes twice")
    add(
        "speakers of other names",
        lambda s: s.table("utt2spk", {"a-1": "z", "a-2": "0", "b-1": "ü/x"}),
    )
    add("speakers of several words", lambda s: s.table("utt2spk", dict.fromkeys(TEXT, "Jane Doe")))
    add("no speaker", lambda s: s.line("utt2spk", "a-2", b"a-2"), "line 2: expected 'key value'")


def _add_audio(add):
    def audio(name, write, refusal=None):
        def change(s):
            value = write(s)
            if value is not None:
                s.value("a-2", value)

        add(name, change, refusal)

    def written(name, refusal=None, rate=RATE, length=1760, file="x.wav", samples_read=1760,
                **options):  # fmt: skip
        def write(s):
            s.lengths["a-2"] = samples_read
            soundfile.write(s.audio / file, samples(length), rate, **options)
            return s.audio / file

        audio(name, write, refusal)

    written("floating point of 64 bits", subtype="DOUBLE")
    written("integers of 32 bits", subtype="PCM_32")
    written("u-law", subtype="ULAW")
    written("ADPCM", subtype="IMA_ADPCM", samples_read=2034)  # whole blocks
    written("FLAC of 24 bits", file="x.flac", subtype="PCM_24")
    written("MP3 called WAV", file="x.wav", format="MP3")
    written("FLAC called MP3", file="x.mp3", format="FLAC")
    written("no ending", file="x", format="WAV")
    written("capital ending", file="x.WAV")
    written("8 kHz", rate=8000, length=880)
    written("44.1 kHz", rate=44100, length=4851)
    written("1 Hz", rate=1, length=1, samples_read=16000)
    written("no samples", length=0, refusal="holds no samples")
    written("one sample", length=1, samples_read=1)
    audio("two channels", lambda s: _stereo(s, 2), "has 2 channels")
    audio("six channels", lambda s: _stereo(s, 6), "has 6 channels")
    audio("a folder", lambda s: s.audio, "Is a directory")
    audio("nowhere", lambda s: s.audio / "no.wav", "no such file")
    audio("an address", lambda s: "https://example.com/a.wav", "no such file")
    audio("a bucket", lambda s: "s3://bucket/a.wav", "no such file")
    audio("a path of Windows", lambda s: "C:\\data\\a.wav", "no such file")
    audio("a Kaldi archive", lambda s: "raw.ark:15", "lies in a Kaldi archive")
    audio("a path in quotes", lambda s: f'"{s.audio}/a-2.wav"', "no such file")
    audio("a variable", lambda s: "$HOME/a.wav", "no such file")
    audio("a comment behind", lambda s: f"{s.audio}/a-2.wav # good", "no such file")
    audio("two paths", lambda s: f"{s.audio}/a-2.wav {s.audio}/a-1.wav", "no such file")
    audio("a path with spaces and quotes", lambda s: _copy(s, "my 'new' \"recording\" $(x) ;.wav"))
    audio("a path in Chinese", lambda s: _copy(s, "录音 一.wav"))
    audio("a path with a line separator", lambda s: _copy(s, "a\u2028b.wav"), None)
    audio("a path of dots", lambda s: f"{s.audio}/../recordings/./a-2.wav")
    audio("a link", lambda s: _link(s, s.audio / "a-2.wav"))
    audio("a link to nowhere", lambda s: _link(s, Path("/nowhere.wav")), "no such file")
    audio("links in a circle", lambda s: _link(s, s.audio / "link.wav"), "Too many levels")
    audio("a pipe of the file system", _fifo, "a pipe or a device")
    audio("an endless device", lambda s: "/dev/zero", "a pipe or a device")
    audio("nothing, a device", lambda s: "/dev/null", "a pipe or a device")
    audio("text", lambda s: _bytes(s, b"This is not audio.\n" * 99), "not recognised")
    audio(
        "a page of the web",
        lambda s: _bytes(s, b"<!DOCTYPE html><html>404</html>" * 9),
        "not recognised",
    )
    audio(
        "a pointer of LFS",
        lambda s: _bytes(s, b"version https://git-lfs.github.com/spec/v1\n"),
        "not recognised",
    )
    audio("zeros", lambda s: _bytes(s, bytes(44)), "not recognised")
    audio(
        "a WAV file cut in half",
        lambda s: _bytes(s, (s.audio / "a-2.wav").read_bytes()[:1000]),
        "cut off",
    )
    audio("NaN", lambda s: _floats(s, np.nan), "no finite numbers")
    audio("beyond full scale", lambda s: _floats(s, 7.0))
    audio("silence", lambda s: _floats(s, 0.0))
    audio("one file of several utterances", _shared)


def _shared(s):
    s.lengths["a-2"] = s.lengths["a-1"]
    return s.audio / "a-1.wav"


def _stereo(s, channels):
    soundfile.write(s.audio / "x.wav", np.stack([samples(1760)] * channels, 1), RATE)
    return s.audio / "x.wav"


def _copy(s, name):
    (s.audio / name).write_bytes((s.audio / "a-2.wav").read_bytes())
    return s.audio / name


def _link(s, target):
    (s.audio / "link.wav").symlink_to(target)
    return s.audio / "link.wav"


def _fifo(s):
    os.mkfifo(s.audio / "fifo.wav")
    return s.audio / "fifo.wav"


def _bytes(s, content):
    (s.audio / "x.wav").write_bytes(content)
    return s.audio / "x.wav"


def _floats(s, value):
    content = samples(1760) / 32768
    content[5] = value
    soundfile.write(s.audio / "x.wav", content, RATE, "FLOAT")
    return s.audio / "x.wav"


def _add_commands(add):
    def command(name, text, refusal=None):
        add(
            f"command: {name}", lambda s: s.value("a-2", text.format(f"{s.audio}/a-2.wav")), refusal
        )

    command("cat", "cat {0} |")
    command("no space before the bar", "cat {0}|")
    command("spaces behind the bar", "cat {0} |  ")
    command("a pipeline", "cat {0} | cat | cat |")
    command("quotes", "cat '{0}' |")
    command("a subshell", "(cat {0}) |")
    command("a variable", "x={0}; cat $x |")
    command("noise on its standard error", "echo noise >&2; cat {0} |")
    command("reads what it is given", "cat - > /dev/null; cat {0} |")
    command("leaves a process", "sleep 60 > /dev/null 2>&1 & cat {0} |")
    command("fails", "cat /nowhere.wav |", "failed \\(status")
    command("fails within", "cat /nowhere.wav | cat {0} |", "failed \\(status")
    command("fails behind its audio", "cat {0}; exit 3 |", "failed \\(status")
    command("writes half", "head -c 1000 {0} |", "wrote no audio")
    command("writes nothing", "true |", "wrote no audio")
    command("writes text", "echo hello |", "wrote no audio")
    command("is not installed", "sph2pipe_of_nobody {0} |", "failed \\(status")
    command("is no shell", "cat ( {0} |", "failed \\(status")
    command("is a bar", "|", "wrote no audio")
    command("ends by a signal", "kill -9 $$ |", "failed \\(status")


def _add_segments(add):
    def segments(name, lines, refusal=None, lengths=(800, 800, 1600)):
        def change(s):
            s.table("wav.scp", {"r": s.audio / "a-1.wav", "q": s.audio / "a-2.wav"})
            s.tables["segments"] = lines.encode()
            s.lengths = dict(zip(TEXT, lengths, strict=True))

        add(f"segments: {name}", change, refusal)

    rest = "a-2 r 0.05 0.1\nb-1 q 0 0.1\n"
    segments("plain", "a-1 r 0 0.05\n" + rest)
    segments("exponents", "a-1 r 0e0 5e-2\n" + rest)
    segments("the end of a recording", "a-1 r 0.05 -1\n" + rest)
    segments(
        "tabs and Windows line ends",
        ("a-1 r 0 0.05\n" + rest).replace(" ", "\t").replace("\n", "\r\n"),
    )
    segments("overlap", "a-1 r 0.02 0.07\n" + rest)
    segments("a recording of no segment", "a-1 r 0 0.05\na-2 r 0.05 0.1\nb-1 r 0 0.1\n")
    segments("a little late", "a-1 r 0.05 0.5\n" + rest)
    segments("late", "a-1 r 0.05 9\n" + rest, "its segment is from")
    segments("beyond the end", "a-1 r 9 10\n" + rest, "its segment is from")
    segments("backwards", "a-1 r 0.05 0.01\n" + rest, "expected a recording")
    segments("of no length", "a-1 r 0.05 0.05\n" + rest, "expected a recording")
    segments("negative", "a-1 r -1 0.05\n" + rest, "expected a recording")
    segments("NaN", "a-1 r 0 nan\n" + rest, "expected a recording")
    segments("infinite", "a-1 r 0 inf\n" + rest, "expected a recording")
    segments("decimal commas", "a-1 r 0,0 0,05\n" + rest, "expected a recording")
    segments("minutes", "a-1 r 0:00 0:05\n" + rest, "expected a recording")
    segments("too few fields", "a-1 r 0\n" + rest, "expected a recording")
    segments("a channel behind", "a-1 r 0 0.05 1\n" + rest, "expected a recording")
    segments("an unknown recording", "a-1 z 0 0.05\n" + rest, "is not in")
    segments("an utterance too few", rest, "are not in")
    segments("empty", "", "are not in")
