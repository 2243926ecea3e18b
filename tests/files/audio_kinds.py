"""Audio files as programs write them, with headers that are right, unknown, wrong or cut off."""

import importlib.util
import io
import struct
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

RATE = 16000
#: What libsndfile lacks is written, and read, where this is.
PYAV = importlib.util.find_spec("av") is not None


def speech(length: int = 8001) -> np.ndarray:
    """Tones that rise and fall, int16 (samples,)."""
    time = np.arange(length) / RATE
    wave = np.sin(2 * np.pi * (300 + 200 * np.sin(5 * time)) * time) * np.sin(3 * time + 0.5)
    return (20000 * wave).astype(np.int16)


def encoded(samples: np.ndarray, form: str, subtype: str | None = None, rate: int = RATE) -> bytes:
    """A file by libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=form)
    return file.getvalue()


def wav(
    data: bytes,
    width: int = 2,
    channels: int = 1,
    tag: int = 1,
    riff_size: int | None = None,
    data_size: int | None = None,
    extra: bytes = b"",
    rate: int = RATE,
) -> bytes:
    """A WAV file whose header says what it is told to say."""
    form = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * width * channels, width * channels, 8 * width
    )
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    said = len(data) if data_size is None else data_size
    total = len(head) + 8 + len(data) if riff_size is None else riff_size
    return (
        b"RIFF" + struct.pack("<I", total) + head + b"data" + struct.pack("<I", said) + data + extra
    )


def compressed(samples: np.ndarray, container: str, codec: str, seekable: bool = True) -> bytes:
    """A file by FFmpeg, int16 (samples,) as one channel; written into a pipe where not seekable."""

    import av

    class Pipe(io.RawIOBase):
        content = b""

        def writable(self):
            return True

        def write(self, part):
            Pipe.content += bytes(part)
            return len(part)

    file = io.BytesIO() if seekable else Pipe()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(
            stream.codec_context.format or "s16", "mono", RATE, frame_size=1024
        )
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            for packet in stream.encode(part):
                output.mux(packet)
    return file.getvalue() if seekable else Pipe.content


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: As its file is to be called, with the ending.
        content: What it holds.
        samples: int16 (samples,) that are to be read.
        lossy: Whether the codec changes the samples, and may delay them.
    """

    name: str
    content: bytes
    samples: np.ndarray
    lossy: bool = False

    def check(self, samples: np.ndarray, rate: int) -> None:
        """Assert that these are the samples; float32 (samples,) at any rate where it is lossy."""
        expected = self.samples / 32768
        if not self.lossy:
            assert rate == RATE, self.name
            np.testing.assert_array_equal(np.round(samples * 32768), self.samples, self.name)
            return
        samples = soxr.resample(samples, rate, RATE)
        # The last of what was said is there, and nothing but the padding of a few frames more.
        assert -400 < len(samples) - len(expected) < 3000, self.name
        whole = np.correlate(np.pad(samples, 3000), expected, "valid")
        assert whole.max() > 0.9 * np.square(expected).sum(), self.name


def good_kinds() -> list[Kind]:
    """Those that are to be read."""
    x = speech()
    raw = x.astype("<i2").tobytes()
    long = raw + bytes(2)
    eight = ((x >> 8) + 128).astype(np.uint8)
    wide = b"".join((int(v) << 8).to_bytes(3, "little", signed=True) for v in x)
    as_eight = (eight.astype(np.int16) - 128) << 8
    listed = b"LIST" + struct.pack("<I", 12) + b"INFOISFT\0\0\0\0"

    def law(subtype):
        content = encoded(x, "WAV", subtype)
        start = content.index(b"data") + 8
        said = soundfile.read(io.BytesIO(content), dtype="int16")[0]
        return content[start : start + len(x)], said

    ulaw, ulaw_samples = law("ULAW")
    alaw, alaw_samples = law("ALAW")
    flac = bytearray(encoded(x, "FLAC"))
    flac[21] &= 0xF0  # the number of samples, of 36 bits, as a program writes it into a pipe
    flac[22:26] = bytes(4)
    aiff = bytearray(encoded(x, "AIFF"))
    au = bytearray(encoded(x, "AU"))
    au[8:12] = b"\xff" * 4
    sph = encoded(x, "NIST")
    kinds = [
        Kind("plain.wav", wav(raw), x),
        Kind("size_0.wav", wav(raw, riff_size=0, data_size=0), x),
        Kind("sox.wav", wav(raw, riff_size=0x7FFFF024, data_size=0x7FFFF000), x),
        Kind("max_31.wav", wav(raw, riff_size=0x7FFFFFFF, data_size=0x7FFFFFFF), x),
        Kind("ffmpeg.wav", wav(raw, riff_size=0xFFFFFFFF, data_size=0xFFFFFFFF), x),
        Kind("ffmpeg_0.wav", wav(raw, riff_size=0xFFFFFFFF, data_size=0), x),
        Kind("riff_8_more.wav", wav(raw, riff_size=44 + len(raw)), x),
        Kind("riff_8_less.wav", wav(raw, riff_size=28 + len(raw)), x),
        Kind("data_2_more.wav", wav(raw, data_size=len(raw) + 2), x),
        Kind("data_1_more.wav", wav(raw, data_size=len(raw) + 1), x),
        Kind("data_2_less.wav", wav(long, data_size=len(raw)), np.append(x, 0).astype(np.int16)),
        Kind("data_44_more.wav", wav(raw, data_size=len(raw) + 44), x),
        Kind("half_a_sample.wav", wav(raw + b"\1"), x),
        Kind("list_behind.wav", wav(raw, extra=listed), x),
        Kind("odd_8_bit.wav", wav(eight.tobytes(), width=1), as_eight),
        Kind("odd_8_bit_pad.wav", wav(eight.tobytes(), width=1, extra=b"\0"), as_eight),
        Kind("odd_8_bit_list.wav", wav(eight.tobytes(), width=1, extra=b"\0" + listed), as_eight),
        Kind("odd_24_bit.wav", wav(wide, width=3), x),
        Kind("odd_24_bit_pad.wav", wav(wide, width=3, extra=b"\0"), x),
        Kind("odd_mu_law.wav", wav(ulaw, width=1, tag=7), ulaw_samples),
        Kind("odd_a_law_pad.wav", wav(alaw, width=1, tag=6, extra=b"\0"), alaw_samples),
        Kind("float.wav", encoded(x / 32768, "WAV", "FLOAT"), x),
        Kind("extensible.wav", encoded(x, "WAVEX"), x),
        Kind("rf64.wav", encoded(x, "RF64"), x),
        Kind("sony.w64", encoded(x, "W64"), x),
        Kind("plain.flac", encoded(x, "FLAC"), x),
        Kind("piped.flac", bytes(flac), x),
        Kind("plain.aiff", bytes(aiff), x),
        Kind("plain.caf", encoded(x, "CAF"), x),
        Kind("piped.au", bytes(au), x),
        Kind("plain.sph", sph, x),
        Kind("speech.mp3", encoded(x, "MP3"), x, True),
        Kind("speech.ogg", encoded(x, "OGG", "VORBIS"), x, True),
        Kind("speech.opus", encoded(x, "OGG", "OPUS"), x, True),
    ]
    if PYAV:
        kinds += [
            Kind("piped.mp3", compressed(x, "mp3", "libmp3lame", seekable=False), x, True),
            Kind("speech.m4a", compressed(x, "ipod", "aac"), x, True),
            Kind("speech.webm", compressed(x, "webm", "libopus"), x, True),
        ]
    return kinds


@dataclass(frozen=True)
class Bad:
    """A kind that is refused.

    Attributes:
        name: As its file is to be called.
        content: What it holds.
        message: A part of what is to be said, a regular expression.
    """

    name: str
    content: bytes
    message: str


def bad_kinds() -> list[Bad]:
    """Those that are to be refused, with the reason."""
    x = speech()
    raw = x.astype("<i2").tobytes()

    def cut(content: bytes, share: float = 0.5) -> bytes:
        return content[: int(len(content) * share)]

    whole = f"promises {len(raw)} bytes"
    return [
        Bad("cut.wav", wav(raw)[:-100], whole + r" of sound, of which 100 \(0\.6 %\)"),
        Bad("half.wav", cut(wav(raw)), whole + r".* \(50\.\d %\) are not there"),
        Bad("half.w64", cut(encoded(x, "W64")), "promises"),
        Bad("half.aiff", cut(encoded(x, "AIFF")), "promises .* bytes"),
        Bad("half.au", cut(encoded(x, "AU")), whole),
        Bad("half.sph", cut(encoded(x, "NIST"), 0.75), "promises"),
        Bad("half.flac", cut(encoded(x, "FLAC")), r"only about \d+ of its 8001 samples"),
        Bad("empty.wav", wav(b""), "no samples"),
        Bad("piped_nothing.wav", wav(b"", riff_size=0xFFFFFFFF, data_size=0xFFFFFFFF), "no samp"),
        Bad("nothing.flac", b"", "it is empty"),
        Bad("page.mp3", b"<!DOCTYPE html><html>404</html>" * 20, "not recognised"),
        Bad("pointer.wav", b"version https://git-lfs.github.com/spec/v1\n", "not recognised"),
        Bad("header.wav", wav(raw)[:20], "Malformed"),
        Bad("half.m4a", b"\0\0\0\x1cftypM4A " + bytes(200), "nor does FFmpeg read it|PyAV"),
    ]
