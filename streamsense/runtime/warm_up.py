"""Everything that is compiled or allocated at its first use, used once before a session is live."""

from __future__ import annotations

import numpy as np

from streamsense.config import Config
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.face_vector import face_vector_labels, face_vector_units
from streamsense.pipeline import START, Pipeline
from streamsense.score import Score
from streamsense.streams import Block, Control, StreamInfo, StreamOpened

_SECONDS = 3.0


def warm_up(pipeline: Pipeline, config: Config) -> list[Score]:
    """Run a few seconds of invented samples through a pipeline that is thrown away afterwards; returns its scores.

    On a fresh installation the loops over samples are compiled here, which takes seconds; in the core's thread that
    would cost as many ticks.
    """
    for info in _streams(config):
        rate_hz = info.nominal_rate_hz or 25.0
        count = round(_SECONDS * rate_hz)
        values = np.random.default_rng(0).normal(0.0, 0.1, (count, len(info.channel_labels))).astype(np.float32)
        pipeline.push(StreamOpened(info, 0.0))
        pipeline.push(Block(info.key, 0, np.arange(count) / rate_hz, values, _SECONDS))
    pipeline.push(Control(START, "", _SECONDS - 0.5))
    return pipeline.advance(_SECONDS + 1.0)


def _streams(config: Config) -> list[StreamInfo]:
    streams = []
    if config.eeg is not None:
        labels = (*config.eeg.electrodes, *ELECTRODES[:16])
        streams.append(StreamInfo("eeg", "eeg", "", "EEG", "", labels, ("uV",) * len(labels), 250.0, "float32"))
    if config.voice is not None:
        # A rate that has to be resampled, so that this is warm too.
        streams.append(StreamInfo("voice", "voice", "", "Audio", "", ("mono",), ("normalized",), 48_000.0, "float32"))
    if config.face is not None:
        front_end = config.face.front_end
        labels, units = face_vector_labels(front_end), face_vector_units(front_end)
        streams.append(StreamInfo("face", "face", "", "FaceVector", "", labels, units, 0.0, "float32"))
    return streams
