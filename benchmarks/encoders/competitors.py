"""Who takes part: a system, a row of the tables, and a setting."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from .rows import recursive, stock
from .settings import OURS, SPEECHBRAIN, STOCK, Setting, check_available
from .speechbrain_encoder import speechbrain
from .work import Encoder

ESPNET, RECURSIVE, SB = "ESPnet", "ours", "SpeechBrain"

#: System -> what builds a row's encoder, and the settings that it can be in. A competitor more is a
#: line here.
SYSTEMS: Mapping[str, tuple[Callable[..., torch.nn.Module], tuple[Setting, ...]]] = {
    ESPNET: (stock, STOCK),
    RECURSIVE: (recursive, OURS),
    SB: (speechbrain, SPEECHBRAIN),
}


@dataclass(frozen=True)
class Competitor:
    """One that is measured.

    Attributes:
        system: A key of SYSTEMS.
        row: A file of conf/encoder/, without its suffix.
        setting: How it is set up.
    """

    system: str
    row: str
    setting: Setting

    def __str__(self) -> str:
        return f"{self.system} {self.row}, {self.setting.name}, {self.setting.precision}"

    def build(self, folder: Path, device: str, kind: str) -> Encoder:
        """Build it, with the same random weights each time.

        Raises:
            Unavailable: With the reason.
        """
        check_available(self.setting, device)
        make, _ = SYSTEMS[self.system]
        torch.manual_seed(0)
        return self.setting.apply(make(folder, self.row, self.setting.conf).to(device), kind)


def competitors(
    system: str, row: str, kind: str, names: Iterable[str] | None = None
) -> list[Competitor]:
    """A row in the settings that a kind of work has; only those of some names where they are given.

    Args:
        system: A key of SYSTEMS.
        row: A file of conf/encoder/.
        kind: "inference" or "training".
        names: Names of settings, or "name/precision".
    """
    _, settings = SYSTEMS[system]
    chosen = [s for s in settings if kind in s.kinds]
    if names is not None:
        wanted = set(names)
        chosen = [s for s in chosen if {s.name, f"{s.name}/{s.precision}"} & wanted]
    return [Competitor(system, row, setting) for setting in chosen]


#: Our container around as many layers as ESPnet's, with ESPnet's attention as it comes.
CONTAINER = Competitor(RECURSIVE, "B", Setting("container", conf={"use_sdpa": False}))

#: ESPnet's beside itself: how far from 1 the ratio of two equals is, so is that of others.
AGAIN = Competitor(ESPNET, CONTAINER.row, Setting("defaults, again", conf={"use_sdpa": False}))
