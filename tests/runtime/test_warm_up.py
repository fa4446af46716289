"""What is compiled is compiled before a session is live: afterwards nothing new is."""

from __future__ import annotations

import numpy as np

from streamsense.features import (
    action_units,
    articulation,
    band_baseline,
    band_entropy,
    band_sums,
    common_reference,
    contours,
    eeg_quality,
    eeg_samples,
    entropy_cells,
    entropy_window,
    face_cues,
    face_doubt,
    face_jumps,
    face_neutral,
    face_windows,
    frame_statistics,
    head_and_gaze,
    hesitation_sounds,
    log_mel,
    loudness,
    pitch,
    prosody,
    running_level,
    running_quantile,
    section_filters,
    sound_highpass,
    sound_input,
    sound_resampler,
    speech_timing,
    voice_movement,
    voice_normalisation,
    voice_window,
)
from streamsense.fusion import bivalence, conflict, dynamics, hesitancy, mixture, precision, strongest
from streamsense.pipeline import START
from streamsense.runtime.assembly import build_pipeline
from streamsense.streams import MODALITIES, Block, Control
from streamsense.timeline import smoothing
from tests.helpers import sessions

MODULES = (
    action_units, articulation, band_baseline, band_entropy, band_sums, bivalence, common_reference, conflict, contours,
    dynamics, eeg_quality, eeg_samples, entropy_cells, entropy_window, face_cues, face_doubt, face_jumps, face_neutral,
    face_windows, frame_statistics, head_and_gaze, hesitancy, hesitation_sounds, log_mel, loudness, mixture, pitch,
    precision, prosody, running_level, running_quantile, section_filters, smoothing, sound_highpass, sound_input,
    sound_resampler, speech_timing, strongest, voice_movement, voice_normalisation, voice_window,
)  # fmt: skip
# fmt: off
INNER = ("to_microvolts", "stretch_end", "find_extremes", "take_in", "begin", "filter_front", "refer",
         "common_reference", "_find_warm", "_find_taken", "_add_squares", "_filter_bands", "filter_one", "filter_two",
         "_coefficients", "_after", "_add_up", "_add_extremes", "_entropy_of", "exchange", "limit_above",
         "_movements", "_above", "_share", "_per_mm", "_lips_at_rest", "_difference_ratio", "_best_period", "_change",
         "_median", "_smoothed", "_has_pitch", "_next_run", "_ramp", "_mean", "_line", "_count", "_level",
         "_deviation", "movements_of_measures", "_to_and_fro", "_quantiles", "_mean_and_sd", "_steps", "_ends",
         "_movement", "_nearest", "_compare", "_limited", "_on_sides", "_counts", "_cap", "_to_shares",
         "_combined", "_pool_emotions",
         "_excess", "_second_order", "_keep", "_add_likelihoods")
# fmt: on
"""Called by compiled loops alone."""


def compiled() -> dict[str, int]:
    found = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if hasattr(value, "signatures"):
                found[f"{module.__name__}.{name}"] = len(value.signatures)
    return found


def test_a_session_compiles_nothing_new() -> None:
    pipeline, _ = build_pipeline(sessions.config(*MODALITIES))
    before = compiled()
    # Those that only compiled loops call have no signature of their own where the loop comes from numba's cache.
    called = [name for name in before if name.rpartition(".")[2] not in INNER]
    assert len(called) >= 8
    assert min(before[name] for name in called) >= 1, before
    for layout in ("C", "F"):
        for modality in MODALITIES:
            track = sessions.MAKERS[modality](2.0)
            values = np.array(track.values, order=layout)
            pipeline.push(sessions.opened(track))
            pipeline.push(Block(modality, 0, track.stamps.copy(), values, float(track.stamps[-1])))
    pipeline.push(Control(START, "", sessions.START + 1.0))
    pipeline.advance(sessions.START + 2.5)
    assert compiled() == before
