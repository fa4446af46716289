"""Features of an MNE recording as an MNE recording."""

from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streamsense.config import Config, EegSection
from streamsense.runtime.feature_export import features_of
from streamsense.score import Notice
from streamsense.sources.eeg_file import recording_of_raw
from streamsense.ticks import TICKS_PER_SECOND

if TYPE_CHECKING:
    import mne


def features_of_raw(raw: mne.io.BaseRaw, config: Config | None = None) -> mne.io.RawArray:
    """The EEG features of `raw`, as `streamsense features` gives them for its file: misc channels at 5 Hz.

    Sample i is the tick at i / 5 s after the first sample of `raw`: its window ends there. The first one has no window.
    Values are NaN where an electrode is masked; units are those of the reference, not volts. Channels in
    `raw.info["bads"]`, and those that are no electrode (rename them with `raw.rename_channels`), are left out.
    Annotations are kept, and the measurement date, which is moved by `raw.first_time` where `raw` was cropped.

    `config`: its `eeg` section says how the features are made (default: as the shipped model wants them).
    Raises StreamsenseError where `raw` has no electrode or too low a rate; warns of channels that are left out.
    """
    import mne

    name = Path(raw.filenames[0] or "raw") if raw.filenames else Path("raw")
    settings = config or Config(eeg=EegSection())
    session = features_of(recording_of_raw(raw, name), {}, settings)
    for text in session.warnings:
        warnings.warn(text, RuntimeWarning, stacklevel=2)
    channels = list(session.table.units)[1:]  # a sample's time is its place
    values = np.full((len(channels), session.ticks + 1), np.nan)
    for item in session.items:
        if isinstance(item, Notice):
            if item.kind == "warning":
                warnings.warn(item.text, RuntimeWarning, stacklevel=2)
        else:
            values[:, item.plan.tick] = session.table.row(item.time, item.windows)[1:]
    features = mne.io.RawArray(values, mne.create_info(channels, float(TICKS_PER_SECOND), "misc"), verbose="ERROR")
    if raw.info["meas_date"] is not None:
        features.set_meas_date(raw.info["meas_date"] + timedelta(seconds=raw.first_time))
    kept = raw.annotations
    return features.set_annotations(
        mne.Annotations(kept.onset - raw.first_time, kept.duration, kept.description), verbose="ERROR"
    )
