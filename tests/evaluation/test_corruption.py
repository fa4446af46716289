"""Spoilt recordings lose what they should, the same each time, however the samples were cut into blocks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.evaluation.corruption import LOST_S, FewerElectrodes, Losses, Noise, Spoiling, SpoiltRecording
from streamsense.sources.recorded import RecordedStream, Recording
from streamsense.streams import Block, Event, StreamOpened

RATE = 100.0
NAMES = ("Fp1", "Fp2", "O1", "O2")


@dataclass(frozen=True, eq=False)
class Made:
    """A recording of one stream, cut into blocks at `cuts`."""

    values: np.ndarray
    cuts: tuple[int, ...] = ()
    rate_hz: float = RATE
    path: Path = Path("made")
    warnings: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[RecordedStream, ...]:
        count, units = len(self.values), ("microvolts",) * len(NAMES)
        last = (count - 1) / self.rate_hz
        names = NAMES[: self.values.shape[1]]
        return (RecordedStream(1, "made", "EEG", "", "", names, units, self.rate_hz, "float32", count, 0.0, last),)

    def events(self, selection) -> Iterator[Event]:
        key, kind = selection[1]
        yield StreamOpened(self.streams[0].info(key, kind), 0.0)
        edges = sorted({0, len(self.values), *(cut % len(self.values) for cut in self.cuts)})
        for start, stop in itertools.pairwise(edges):
            stamps = np.arange(start, stop) / self.rate_hz
            yield Block(key, start, stamps, self.values[start:stop].copy(), float(stamps[-1]))


def read(recording: Recording, spoiling: Spoiling) -> tuple[list[Block], StreamOpened]:
    opened, *blocks = SpoiltRecording(recording, spoiling).events({1: ("eeg", "eeg")})
    return blocks, opened


def joined(blocks: list[Block]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([block.stamps for block in blocks]), np.concatenate([block.values for block in blocks])


def noise(samples: int, dtype: str = "float32") -> np.ndarray:
    random = np.random.default_rng(1)
    return (random.normal(0, 1, (samples, len(NAMES))) * [1, 10, 100, 1000] + 500).astype(dtype)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400), max_size=20), st.sampled_from([RATE, 30.0]))
def test_what_is_lost_does_not_depend_on_the_blocks(cuts, rate_hz):
    whole, cut = (Made(noise(400), tuple(c), rate_hz) for c in ((), cuts))
    one, other = (joined(read(it, Losses(0.4))[0]) for it in (whole, cut))
    for left, right in zip(one, other, strict=True):
        assert left.tobytes() == right.tobytes()


def test_the_share_of_the_time_is_lost_in_stretches_and_single_pictures_by_themselves():
    stamps, values = joined(read(Made(noise(60_000)), Losses(0.25))[0])
    assert len(stamps) / 60_000 == pytest.approx(0.75, abs=0.05)
    holes = np.diff(stamps)
    assert holes[holes > 1.5 / RATE].min() == pytest.approx(LOST_S + 1 / RATE)
    np.testing.assert_array_equal(values, noise(60_000)[np.round(stamps * RATE).astype(int)])
    stamps, _ = joined(read(Made(noise(20_000), rate_hz=30.0), Losses(0.25))[0])
    assert len(stamps) / 20_000 == pytest.approx(0.75, abs=0.02)
    assert np.diff(stamps).min() == pytest.approx(1 / 30)
    assert np.median(np.diff(stamps)) == pytest.approx(1 / 30)
    assert read(Made(noise(500)), Losses(0.0))[0][0].values.tobytes() == noise(500).tobytes()


@pytest.mark.parametrize("snr_db", [20.0, 0.0])
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_noise_is_so_far_below_each_channels_own_signal(snr_db, dtype):
    signal = noise(20_000, dtype)
    blocks, _ = read(Made(signal, (50, 700, 9000)), Noise(snr_db))
    _, values = joined(blocks)
    assert values.dtype == signal.dtype
    added = values.astype(float) - signal
    expected = signal.astype(float).std(axis=0) * 10 ** (-snr_db / 20)
    kept = slice(1, None) if dtype == "int16" else slice(None)  # less than a digit of the first channel is rounded away
    np.testing.assert_allclose(added.std(axis=0)[kept], expected[kept], rtol=0.06)
    again = joined(read(Made(signal, (50, 700, 9000)), Noise(snr_db))[0])[1]
    assert again.tobytes() == values.tobytes()
    other = joined(read(Made(signal, (50, 700, 9000)), Noise(snr_db, seed=1))[0])[1]
    assert other.tobytes() != values.tobytes()


def test_a_channel_that_holds_no_numbers_gets_no_noise_and_stays_as_it_is():
    signal = noise(300)
    signal[:, 1] = np.nan
    _, values = joined(read(Made(signal), Noise(10.0))[0])
    assert np.isnan(values[:, 1]).all()
    assert np.isfinite(values[:, [0, 2, 3]]).all()


@pytest.mark.parametrize(("share", "left"), [(0.0, 4), (0.25, 3), (0.5, 2), (1.0, 1)])
def test_electrodes_that_are_not_there_have_no_name(share, left):
    blocks, opened = read(Made(noise(100)), FewerElectrodes(share))
    assert sum(label in NAMES for label in opened.info.channel_labels) == left
    assert len(opened.info.channel_labels) == len(NAMES)
    described = SpoiltRecording(Made(noise(9)), FewerElectrodes(share)).streams[0]
    assert opened.info.channel_labels == described.channel_labels
    assert joined(blocks)[1].tobytes() == noise(100).tobytes()
