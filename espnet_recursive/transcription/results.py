"""The results of transcribing a recording."""

from dataclasses import dataclass, field

from espnet_recursive.transcription.words import Word


@dataclass(frozen=True)
class Segment:
    """The transcript of a part of a recording that was recognised at once.

    Attributes:
        start: Seconds from the beginning of the recording to that of the segment.
        end: Seconds to its end.
        text: The words.
        tokens: The units that the model wrote them in.
        score: The score of the best hypothesis, from ESPnet's search.
        loops: Loops that the encoder ran; None for one that does not recur.
        words: The words with their times in the recording; None where they were not asked for.
    """

    start: float
    end: float
    text: str
    tokens: list[str]
    score: float
    loops: int | None
    words: list[Word] | None = None


@dataclass(frozen=True)
class Transcript:
    """The transcript of a recording.

    Attributes:
        file: The file as it was named.
        text: The words.
        tokens: The units that the model wrote them in.
        score: The sum of the segments' scores.
        seconds: Duration of the audio.
        rtf: Time of decoding over the duration; in a batch, each has its share by its duration.
        loops: The most loops that the encoder ran for a segment; None for one that does not recur.
        segments: Its segments, in their order; of a recording that was recognised at once, one.
    """

    file: str
    text: str
    tokens: list[str]
    score: float
    seconds: float
    rtf: float
    loops: int | None
    segments: list[Segment] = field(default_factory=list)

    @property
    def words(self) -> list[Word]:
        """The words of all segments; none where their times were not asked for."""
        return [word for segment in self.segments for word in segment.words or ()]


@dataclass(frozen=True)
class Failure:
    """A recording that could not be transcribed, and why."""

    file: str
    reason: str
