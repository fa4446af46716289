"""A lab's session with EEG and voice: an actor of EmoDB talks, and the EEG comes from a computer with its own clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.brain_noise import brain_noise
from tests.helpers.xdf_writer import XdfWriter

EEG_HZ, NAMES = 128.0, ("F3", "F4", "C3", "C4", "O1", "O2")
START_S, OFFSET_S = 5000.0, -1476.87
"""When the voice begins on the recorder's clock, and what is added to the EEG's stamps to get there."""
LATER_S = 3.3
"""The EEG begins so much after the voice."""
_EMOTIONS = {"N": "neutral", "W": "angry", "T": "sad", "F": "happy"}


@dataclass(frozen=True)
class Spoken:
    """One emotion in a row, in s from the beginning of the voice."""

    start_s: float
    end_s: float
    emotion: str


def write_talking_session(
    path: Path, emodb: Path, speaker: str = "08", rows: str = "WTN", clips: int = 3
) -> list[Spoken]:
    """Write the session, and its labels beside it; each letter of `rows` is an emotion of `clips` sentences."""
    sounds: list[np.ndarray] = []
    spoken: list[Spoken] = []
    at = 0
    rate = 0
    for letter in rows:
        begin = at
        files = sorted((emodb / "wav").glob(f"{speaker}???{letter}*.wav"))[:clips]
        assert len(files) == clips, f"{speaker} has {len(files)} sentences of {letter}"
        for file in files:
            sound, rate = soundfile.read(file, dtype="float32")
            sounds.append(sound)
            at += len(sound)
        spoken.append(Spoken(begin / rate, at / rate, _EMOTIONS[letter]))
    voice = np.concatenate(sounds)[:, None]
    random = np.random.default_rng(0)
    seconds = len(voice) / rate - LATER_S
    eeg = brain_noise(random, 10, (int(seconds * EEG_HZ), len(NAMES)), EEG_HZ).astype("f4")
    writer = XdfWriter()
    writer.header(1, "float32", 1, float(rate), "Headset", "Audio", ("mono",), unit="normalized")
    writer.header(2, "float32", len(NAMES), EEG_HZ, "Amp", "EEG", NAMES)
    eeg_stamps = START_S + LATER_S - OFFSET_S + np.arange(len(eeg)) / EEG_HZ
    for collected in (eeg_stamps[0], eeg_stamps[-1]):
        writer.clock_offset(2, float(collected), OFFSET_S)
    for start in range(0, len(voice), rate):
        part = voice[start : start + rate]
        writer.stamped(1, START_S + np.arange(start, start + len(part)) / rate, part)
    for start in range(0, len(eeg), int(EEG_HZ)):
        part = eeg[start : start + int(EEG_HZ)]
        writer.stamped(2, eeg_stamps[start : start + len(part)], part)
    writer.footer(1, len(voice))
    writer.footer(2, len(eeg))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(writer.data)
    labels = "".join(f"{one.start_s!r},{one.end_s!r},{one.emotion}\n" for one in spoken)
    path.with_name(path.stem + ".labels.csv").write_text("start_s,end_s,emotion\n" + labels, encoding="utf-8")
    return spoken
