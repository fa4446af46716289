"""What a window of sound is worth: noise that has just begun, and a voice that is hardly there."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.features.voice_quality import voice_quality

FRAMES = 200


def speech(dip_db: float = 30.0, level_db: float = -25.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two seconds in which a quarter of the frames lies `dip_db` lower, over a floor that has not heard the noise."""
    level = np.full(FRAMES, level_db, np.float32)
    level[::4] -= dip_db
    voiced = np.ones(FRAMES, bool)
    voiced[::4] = dip_db < 20
    return level, voiced, level + np.float32(90), np.zeros(FRAMES, np.float32)


def test_speech_with_its_dips_is_clear() -> None:
    assert voice_quality(*speech()) == (1.0, ())


@pytest.mark.parametrize(("dip_db", "lowest", "highest"), [(4.0, 0.0, 0.0), (11.0, 0.4, 0.6), (22.0, 1.0, 1.0)])
def test_what_has_nothing_to_dip_into_is_noisy_though_the_floor_is_low(
    dip_db: float, lowest: float, highest: float
) -> None:
    quality, reasons = voice_quality(*speech(dip_db))
    assert lowest <= quality <= highest
    assert reasons == (("noisy",) if highest < 1 else ())


@pytest.mark.parametrize(("level_db", "lowest", "highest"), [(-59.0, 0.0, 0.0), (-53.0, 0.4, 0.6), (-45.0, 1.0, 1.0)])
def test_a_voice_that_is_hardly_there_is_faint(level_db: float, lowest: float, highest: float) -> None:
    quality, reasons = voice_quality(*speech(level_db=level_db))
    assert lowest <= quality <= highest
    assert reasons == (("faint",) if highest < 1 else ())
