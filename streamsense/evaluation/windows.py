"""Windows: what is trained on and scored, each with the person, the recording and the seconds that it was cut from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from streamsense.config import Config
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label, LabelTrack
from streamsense.runtime.feature_export import features_of
from streamsense.score import Score
from streamsense.sources.stream_kinds import NOT_USED
from streamsense.streams import MODALITIES, Feature, Modality

Choose = Callable[[LabelTrack, float, float, Modality], Label | None]


@dataclass(frozen=True)
class Window:
    """A window `[start_s, end_s)` of a recording. A recording's name is unique within `dataset` and `person`.

    `trial` is "" where the whole recording is one trial.
    """

    dataset: str
    person: str
    recording: str
    start_s: float
    end_s: float
    trial: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            raise ValueError(f"a window lasts from {self.start_s} to {self.end_s} s, expected a later end")

    def __str__(self) -> str:
        trial = f" trial {self.trial}" if self.trial else ""
        return (
            f"{self.dataset} person {self.person}, recording {self.recording}{trial}, "
            f"{self.start_s:g} to {self.end_s:g} s"
        )


@dataclass(frozen=True)
class LabelledWindow:
    """One window, its label and its feature, as the live pipeline makes it at the tick at which the window ends."""

    window: Window
    label: Label
    feature: Feature


def within(track: LabelTrack, start_s: float, end_s: float, modality: Modality) -> Label | None:
    """The label that covers the whole window: for conditions that last longer than it."""
    return track.within(start_s, end_s, modality)


def at_end(track: LabelTrack, start_s: float, end_s: float, modality: Modality) -> Label | None:
    """The label of the window's last instant: for ratings that change all the time, and for clips.

    A clip shorter than the window has no window within it; this gives every tick from its first 200 ms on, as it is
    heard live (`Feature.validity` says how much was). Play clips as `sittings`, with pauses as long as a window: then
    no window holds two.
    """
    return track.at_end(start_s, end_s, modality)


def labelled_windows(
    recording: LabelledRecording, modality: Modality, config: Config, choose: Choose = within
) -> Iterator[LabelledWindow]:
    """Every labelled window of one recording and modality, one a tick: 200 ms apart, so neighbours overlap.

    The features are those of the live pipeline with the same configuration. Windows that are not all there (validity
    below 1) come too, as they do live; the feature says so. Raises StreamsenseError where the recording cannot be read.
    """
    track = LabelTrack(recording.labels)
    length_s = window_length(config, modality)
    named: dict[Modality, str | None] = {other: NOT_USED for other in MODALITIES if other != modality}
    for item in features_of(recording.open(modality), named, config).items:
        if not isinstance(item, Score) or modality not in item.windows:
            continue
        start_s, end_s = item.time - length_s, item.time
        label = choose(track, start_s, end_s, modality)
        if label is not None:
            window = Window(recording.dataset, recording.person, recording.name, start_s, end_s, label.trial)
            yield LabelledWindow(window, label, item.windows[modality])


def window_length(config: Config, modality: Modality) -> float:
    """The length in s of a modality's window. Raises ValueError where the configuration leaves the modality out."""
    section = getattr(config, modality)
    if section is None:
        raise ValueError(f"the configuration has no section {modality}")
    return float(section.window_s)


def people_of(windows: Sequence[Window]) -> list[tuple[str, str]]:
    """Set and person of each window, in the order of the windows."""
    return [(window.dataset, window.person) for window in windows]
