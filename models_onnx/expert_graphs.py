"""The first experts as graphs: EEG, face and voice from published knowledge, with nothing trained.

Every number that is a choice rather than a finding is a constant with a name here and is said in the card.
"""

from __future__ import annotations

import numpy as np
from graph_builder import GraphBuilder

from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.electrodes import ELECTRODES
from streamsense.fusion.emotions import EMOTIONS, PRIOR_SD, VAD_CENTROID_SDS, VAD_CENTROIDS

PRIOR_VARIANCE = PRIOR_SD**2
UNKNOWN_VARIANCE = 1.0
"""Added where what an expert needs is not there: four times the prior's variance, so next to no weight."""

# --- EEG ---------------------------------------------------------------------------------------------------------
ASYMMETRY_PAIRS = (("F4", "F3"), ("F8", "F7"), ("AF4", "AF3"), ("AF8", "AF7"), ("Fp2", "Fp1"), ("FC4", "FC3"))
"""Right and left electrode of each pair of frontal alpha asymmetry."""
ALPHA, BETA = 2, 3
LN_POWER_PER_ENTROPY = 2.0  # entropy is half the logarithm of the variance
EEG_VALENCE_LIMIT, EEG_VALENCE_SCALE = 0.5, 0.5
EEG_AROUSAL_LIMIT, EEG_AROUSAL_SCALE = 0.6, 0.8
EEG_BETA_SHARE = 0.5
"""Beta counts half: tense muscles raise it too, and in the recordings named in the card it added nothing to alpha."""
EEG_VALENCE_VARIANCE, EEG_AROUSAL_VARIANCE = 0.8**2, 0.7**2
EEG_PAIR_VARIANCE = 0.3**2
EEG_NO_BASELINE_VARIANCE = 0.5**2


def eeg_graph() -> GraphBuilder:
    """Valence from frontal alpha asymmetry, arousal from half beta less alpha; both as change from the baseline."""
    g = GraphBuilder("eeg_knowledge")
    entropy = g.input("band_entropy", len(ELECTRODES), 5)
    baseline = g.input("band_entropy_baseline", len(ELECTRODES), 5)
    mask = g.input("electrode_mask", len(ELECTRODES))
    weight = g.clip(g.input("baseline_weight", 1), 0.0, 1.0)
    change = g.apply("Sub", entropy, baseline)
    alpha, beta = g.take(change, ALPHA, 2), g.take(change, BETA, 2)

    right, left = ([ELECTRODES.index(pair[side]) for pair in ASYMMETRY_PAIRS] for side in (0, 1))
    pair_mask = g.apply("Mul", g.take(mask, right, 1), g.take(mask, left, 1))
    difference = g.apply("Sub", g.take(alpha, right, 1), g.take(alpha, left, 1))
    asymmetry, pairs = _masked_mean(g, difference, pair_mask)
    activation, electrodes = _masked_mean(g, g.apply("Sub", g.apply("Mul", beta, EEG_BETA_SHARE), alpha), mask)
    valence = _squash(g, asymmetry, LN_POWER_PER_ENTROPY / EEG_VALENCE_SCALE, EEG_VALENCE_LIMIT)
    arousal = _squash(g, activation, LN_POWER_PER_ENTROPY / EEG_AROUSAL_SCALE, EEG_AROUSAL_LIMIT)

    unsettled = g.apply("Mul", g.apply("Sub", 1.0, weight), EEG_NO_BASELINE_VARIANCE)
    pair_noise = g.apply("Div", EEG_PAIR_VARIANCE, g.apply("Max", pairs, 1.0))
    valence_variance = g.apply("Sum", EEG_VALENCE_VARIANCE, pair_noise, unsettled, _unknown(g, pairs))
    arousal_variance = g.apply("Sum", EEG_AROUSAL_VARIANCE, unsettled, _unknown(g, electrodes))
    nothing = g.apply("Mul", weight, 0.0)
    g.output("vad_mean", g.apply("Concat", valence, arousal, nothing, axis=1), 3)
    _give_variances(g, valence_variance, arousal_variance, g.apply("Add", nothing, PRIOR_VARIANCE))
    g.output("emotion_logits", g.apply("Mul", weight, g.constant(np.zeros((1, 8)))), 8)
    return g


# --- Face --------------------------------------------------------------------------------------------------------
LEVEL, ASYMMETRY = 0, 3
_ALWAYS, _RARELY = 0.9, 0.05
# p(AU | emotion): Du, Tao & Martinez (2014), PNAS 111(15), table 1, as recalled; units that the paper calls
# prototypical (seen in more than 70 % of its people) stand at 0.9, all that it does not list at 0.05. AU11 is not
# measured here. Contempt is not in that paper: EMFACS's unilateral 12 and 14, with chosen numbers.
UNIT_PROBABILITIES: dict[str, dict[int, float]] = {
    "happy": {12: _ALWAYS, 25: _ALWAYS, 6: 0.51},
    "sad": {4: _ALWAYS, 15: _ALWAYS, 1: 0.60, 6: 0.50, 17: 0.67},
    "surprised": {1: _ALWAYS, 2: _ALWAYS, 25: _ALWAYS, 26: _ALWAYS, 5: 0.66},
    "fearful": {1: _ALWAYS, 4: _ALWAYS, 20: _ALWAYS, 25: _ALWAYS, 2: 0.57, 5: 0.63, 26: 0.33},
    "disgusted": {9: _ALWAYS, 10: _ALWAYS, 17: _ALWAYS, 4: 0.31, 24: 0.26},
    "angry": {4: _ALWAYS, 7: _ALWAYS, 24: _ALWAYS, 10: 0.26, 17: 0.52, 23: 0.29},
    "contemptuous": {12: 0.5, 14: 0.6},
}
UNIT_TRUST = {25: 0.4, 26: 0.4, 45: 0.0}
"""Speaking opens the mouth and everyone blinks, so these say less about emotion; all other units count fully."""
PRESENT_AT_LEVEL, PRESENT_STEEPNESS = 1.0, 3.0
"""A unit counts as half present at intensity A (trace, 1 of 5) and as nearly certain at B (slight, 2 of 5)."""
FACE_TEMPERATURE = 1.5
FACE_SPREAD_SHARES = (0.5, 0.29, 0.27)
"""Of the mixture's variance, how much is told of valence, arousal and dominance: the emotions that are mixed up are
nearer to each other than chance would have it. Fitted on acted faces on a mesh (benchmarks.calibration, seeds 0 to 159)
so that 90 % intervals hold 90 %: it is of acted faces, not of felt emotion."""
FACE_VARIANCE_FLOOR = 0.1**2


def face_graph() -> GraphBuilder:
    """Emotions by naive Bayes over action units; valence, arousal and dominance as the emotions' mixture.

    The mask is each unit's reliability in [0, 1] and weighs what the unit says; 0 means not measured.
    """
    g = GraphBuilder("face_knowledge")
    units = g.input("action_units", len(ACTION_UNITS), 4)
    mask = g.clip(g.input("action_unit_mask", len(ACTION_UNITS)), 0.0, 1.0)
    trust = np.array([UNIT_TRUST.get(unit, 1.0) for unit in ACTION_UNITS])
    reliability = g.apply("Mul", mask, g.constant(trust))
    smile = [ACTION_UNITS.index(12), ACTION_UNITS.index(14)]
    smile_mask = g.take(mask, smile, 1)
    one_sided = g.apply("Abs", g.take(g.take(units, ASYMMETRY, 2), smile, 1))
    one_sided = g.apply("Mul", one_sided, g.apply("Sign", smile_mask))
    one_sided = g.apply("ReduceMax", one_sided, axes=[1], keepdims=1)
    one_sided_known = g.apply("ReduceMax", smile_mask, axes=[1], keepdims=1)

    # The one-sided smile is one more unit, after the others.
    level = g.apply("Concat", g.take(units, LEVEL, 2), one_sided, axis=1)
    known = g.apply("Concat", reliability, one_sided_known, axis=1)
    steep = g.apply("Mul", g.apply("Sub", g.clip(level, 0.0, 5.0), PRESENT_AT_LEVEL), PRESENT_STEEPNESS)
    present = g.apply("Sigmoid", steep)
    probability = unit_probability_table()
    for_present = g.apply("MatMul", g.apply("Mul", known, present), g.constant(np.log(probability).T))
    absent = g.apply("Mul", known, g.apply("Sub", 1.0, present))
    for_absent = g.apply("MatMul", absent, g.constant(np.log1p(-probability).T))
    likelihood = g.apply("Div", g.apply("Add", for_present, for_absent), FACE_TEMPERATURE)
    logits = g.apply("Sub", likelihood, g.apply("ReduceMean", likelihood, axes=[1], keepdims=1))

    mixture = g.apply("Softmax", logits, axis=1)
    mean = g.apply("MatMul", mixture, g.constant(VAD_CENTROIDS))
    second = g.apply("MatMul", mixture, g.constant(VAD_CENTROID_SDS**2 + VAD_CENTROIDS**2))
    spread = g.apply("Max", g.apply("Sub", second, g.apply("Mul", mean, mean)), 0.0)
    spread = g.apply("Mul", spread, g.constant(FACE_SPREAD_SHARES))
    measured = g.apply("Mul", g.apply("Sign", mask), g.constant(trust))
    coverage = g.apply("Div", g.sum(measured, 1, keep=True), float(trust.sum()))
    blind = g.apply("Mul", g.apply("Sub", 1.0, coverage), UNKNOWN_VARIANCE)
    g.output("vad_mean", g.apply("Mul", mean, coverage), 3)
    g.output("vad_log_variance", g.apply("Log", g.apply("Sum", spread, FACE_VARIANCE_FLOOR, blind)), 3)
    g.output("emotion_logits", logits, 8)
    return g


def unit_probability_table() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """p(unit | emotion), (8, 20): rows as EMOTIONS, columns as ACTION_UNITS and then the one-sided smile."""
    table = np.full((len(EMOTIONS), len(ACTION_UNITS) + 1), _RARELY)
    for emotion, units in UNIT_PROBABILITIES.items():
        for unit, probability in units.items():
            table[EMOTIONS.index(emotion), ACTION_UNITS.index(unit)] = probability
    table[EMOTIONS.index("contemptuous"), -1] = _ALWAYS
    return table


# --- Voice -------------------------------------------------------------------------------------------------------
VOICE_LOUDNESS_SHARE, VOICE_TILT_SHARE = 0.3, 0.7
"""Tilt counts for more because no gain changes it: a peak-normalised recording turns loudness round (see the card)."""
VOICE_AROUSAL_LIMIT, VOICE_AROUSAL_SCALE = 0.7, 0.5
VOICE_VARIANCE = 0.44**2
"""From the errors against the places of acted emotions, of four speakers of EmoDB (see the card)."""
VOICED_FROM, VOICED_FULLY = 0.05, 0.30
"""Share of voiced frames at which the window begins to say something, and at which it counts fully."""


def voice_graph() -> GraphBuilder:
    """Arousal from loudness and spectral tilt, as far as there is voice in the window."""
    g = GraphBuilder("voice_knowledge")
    g.input("log_mel_statistics", 64, 4)  # for trained experts; the same inputs whichever expert is used
    prosody = g.input("prosody", 4)
    loudness, tilt, voiced = (g.take(prosody, [index], 1) for index in range(3))
    gate = g.apply("Div", g.apply("Sub", voiced, VOICED_FROM), VOICED_FULLY - VOICED_FROM)
    gate = g.clip(gate, 0.0, 1.0)
    effort = g.apply("Add", g.apply("Mul", loudness, VOICE_LOUDNESS_SHARE), g.apply("Mul", tilt, VOICE_TILT_SHARE))
    arousal = g.apply("Mul", gate, _squash(g, effort, 1 / VOICE_AROUSAL_SCALE, VOICE_AROUSAL_LIMIT))
    variance = g.apply("Add", VOICE_VARIANCE, g.apply("Mul", g.apply("Sub", 1.0, gate), UNKNOWN_VARIANCE))
    nothing = g.apply("Mul", gate, 0.0)
    prior = g.apply("Add", nothing, PRIOR_VARIANCE)
    g.output("vad_mean", g.apply("Concat", nothing, arousal, nothing, axis=1), 3)
    _give_variances(g, prior, variance, prior)
    g.output("emotion_logits", g.apply("Mul", nothing, g.constant(np.zeros((1, 8)))), 8)
    return g


# --- shared ------------------------------------------------------------------------------------------------------
def _masked_mean(g: GraphBuilder, values: str, mask: str) -> tuple[str, str]:
    """Mean over axis 1 of what the mask leaves (0 where it leaves nothing), and how much that is; both [batch, 1]."""
    count = g.sum(mask, 1, keep=True)
    total = g.sum(g.apply("Mul", values, mask), 1, keep=True)
    return g.apply("Div", total, g.apply("Max", count, 1.0)), count


def _squash(g: GraphBuilder, value: str, gain: float, limit: float) -> str:
    return g.apply("Mul", g.apply("Tanh", g.apply("Mul", value, gain)), limit)


def _unknown(g: GraphBuilder, count: str) -> str:
    """UNKNOWN_VARIANCE where `count` is 0, nothing from 1 on."""
    return g.apply("Mul", g.apply("Sub", 1.0, g.clip(count, 0.0, 1.0)), UNKNOWN_VARIANCE)


def _give_variances(g: GraphBuilder, *variances: str) -> None:
    g.output("vad_log_variance", g.apply("Log", g.apply("Concat", *variances, axis=1)), 3)
