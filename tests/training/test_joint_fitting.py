"""Experts and gate fitted together: what they learn, what they must not see, and the same bytes however often."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from streamsense.errors import EvaluationError, ModelError
from streamsense.evaluation.metrics import concordance
from streamsense.training.fitting import FittingSettings
from streamsense.training.joint_calibration import calibrated
from streamsense.training.joint_fitting import JointSettings, bounded, fit, some_modalities
from streamsense.training.joint_losses import Targets, emotion_weights, importance
from streamsense.training.joint_network import JointTensors, predict
from streamsense.training.rbtransformer import RBTransformerSettings
from tests.helpers import joint_tables

SMALL = JointSettings(
    fitting=FittingSettings(epochs=22, batch_size=80, learning_rate=1.5e-2, last_learning_rate=1e-5, weight_decay=0.02),
    eeg=RBTransformerSettings(width=16, depth=1, heads=2, head_width=8),
    temporal_width=8,
)
BRIEF = replace(SMALL, fitting=replace(SMALL.fitting, epochs=3))
TINY = joint_tables.made(40)
"""For what does not depend on how well is learned."""


class StopHere(Exception):
    """What a user's Ctrl-C would be."""


@pytest.fixture(scope="module")
def network():
    return fit(joint_tables.made(160), SMALL)


def agreement(mean, table):
    return np.array([concordance(table.vad[:, at], mean[:, at]) for at in range(3)])


def only(table, modality):
    """The table with all others absent."""
    parts = {
        name: part if name == modality else replace(part, presence=np.zeros_like(part.presence))
        for name, part in table.modalities.items()
    }
    return replace(table, modalities=parts)


def numbers(network):
    return torch.cat([value.flatten().double() for value in network.net.state_dict().values()]).numpy().tobytes()


def bits(opinions):
    parts = [opinions.vad, opinions.vad_sd, opinions.emotion_probabilities, opinions.weight]
    parts += [opinions.confidence]
    for one in opinions.experts.values():
        parts += [one.vad_mean, one.vad_log_variance, one.emotion_logits]
    return [part.tobytes() for part in parts]


def test_it_learns_what_it_was_shown_and_what_it_was_not(network):
    for table, least in ((joint_tables.made(160), 0.9), (joint_tables.made(160, seed=1), 0.85)):
        said = predict(network, table)
        assert (agreement(said.vad, table) > least).all()
        probable = said.emotion_probabilities[:, [1, 2]].argmax(axis=1)
        assert (probable == (table.vad[:, 0] <= 0)).mean() > least
    assert agreement(said.experts["eeg"].vad_mean, table)[1] > 0.6
    assert network.evidence_dimensions == ("valence", "arousal", "dominance")
    assert network.evidence_emotions == ("neutral", "happy", "sad")


def test_what_stands_in_the_place_of_an_absent_modality_changes_nothing(network):
    table = joint_tables.made(30, seed=2)
    away = np.arange(30) % 3
    for place, (name, part) in enumerate(table.modalities.items()):
        presence = np.where(away == place, 0, part.presence).astype("f4")
        hidden = {
            key: np.where((presence > 0).reshape(-1, *[1] * (value.ndim - 1)), value, np.float32(0))
            for key, value in part.inputs.items()
        }
        table = replace(table, modalities={**table.modalities, name: replace(part, presence=presence, inputs=hidden)})
    garbage = replace(
        table,
        modalities={
            name: replace(part, inputs={
                key: np.where((part.presence > 0).reshape(-1, *[1] * (value.ndim - 1)), value, np.float32(7.5))
                for key, value in part.inputs.items()
            })
            for name, part in table.modalities.items()
        },
    )  # fmt: skip
    assert bits(predict(network, garbage)) == bits(predict(network, table))
    said = predict(network, table)
    assert all((said.weight[away == place, place] == 0).all() for place in range(3))


def test_a_lone_modality_is_fused_as_well_as_its_own_head_says_it(network):
    """That is what hiding modalities in training is for."""
    table = joint_tables.made(160, seed=3)
    for modality in network.modalities:
        said = predict(network, only(table, modality))
        alone = said.experts[modality].vad_mean
        assert (agreement(said.vad, table) >= agreement(alone, table) - 0.04).all(), modality


def test_the_gate_learns_from_quality_whom_to_trust():
    """At every tick one of face and voice is noise, and its quality is 0.7, not 0.9: not much for the formula."""

    def one_is_noise(n, seed):
        rng = np.random.default_rng(seed)
        vad = rng.uniform(-0.8, 0.8, (n, 3))
        face_is_good = rng.random(n) < 0.5
        shown = [
            np.where(good[:, None], vad, rng.uniform(-0.8, 0.8, vad.shape)) for good in (face_is_good, ~face_is_good)
        ]
        inputs = joint_tables.face_inputs(shown[0], rng, 0.3, frames=0), joint_tables.voice_inputs(shown[1], rng, 0.3)
        face, voice = (
            joint_tables.rows(of_one, np.where(good, 0.9, 0.7))
            for of_one, good in zip(inputs, (face_is_good, ~face_is_good), strict=True)
        )
        return joint_tables.table_of({"face": face, "voice": voice}, vad), face_is_good

    settings = replace(SMALL, fitting=replace(SMALL.fitting, epochs=40, learning_rate=0.03))
    network = fit(one_is_noise(300, 0)[0], settings)
    table, face_is_good = one_is_noise(300, 1)
    fusion, ticks = network.net.fusion, JointTensors.of(table)
    with torch.no_grad():
        inputs = network.net.fusion_inputs(network.net.opinions(ticks), ticks)
        share, usual = (part.numpy()[:, 1:] for part in fusion.shares(inputs))
    informative = np.where(face_is_good, 0, 1)
    chosen = np.arange(300), informative
    assert usual[chosen].mean() < 0.57 < 0.65 < share[chosen].mean()

    gated = predict(network, table)
    for gate in fusion.gates:
        torch.nn.init.zeros_(gate[-1].weight)
        torch.nn.init.zeros_(gate[-1].bias)
    plain = predict(network, table)
    # Where they conflict the cap leaves the other 0.4, whatever the gate has learned.
    weights = [said.weight[:, 1:][chosen].mean() for said in (gated, plain)]
    errors = [((said.vad - table.vad) ** 2).mean() for said in (gated, plain)]
    assert weights[0] > weights[1] + 0.03
    assert errors[0] < 0.95 * errors[1]


def test_the_same_bytes_twice_and_after_a_stop(tmp_path):
    whole = numbers(fit(TINY, BRIEF))
    assert numbers(fit(TINY, BRIEF)) == whole
    assert numbers(fit(TINY, replace(BRIEF, fitting=replace(BRIEF.fitting, seed=1)))) != whole

    def stop(epoch, _loss):
        if epoch == 2:
            raise StopHere

    kept, seen = tmp_path / "kept.npz", []
    with pytest.raises(StopHere):
        fit(TINY, BRIEF, kept, stop)
    resumed = fit(TINY, BRIEF, kept, lambda epoch, _loss: seen.append(epoch))
    assert (numbers(resumed), seen) == (whole, [3])
    with pytest.raises(ModelError, match="another training"):
        fit(joint_tables.made(40, seed=5), BRIEF, kept)
    with pytest.raises(ModelError, match="another training"):
        fit(TINY, replace(BRIEF, modality_dropout=0.5), kept)


def test_time_is_bounded_by_steps():
    assert bounded(SMALL, 64).epochs == 22
    assert bounded(replace(SMALL, most_steps=100), 800).epochs == 10
    assert bounded(replace(SMALL, most_steps=1), 10**6).epochs == 1


def changed(modality, name, value):
    part = TINY.modalities[modality]
    values = part.inputs[name].copy()
    values.reshape(len(values), -1)[3, 7] = value
    return replace(TINY, modalities={**TINY.modalities, modality: replace(part, inputs={**part.inputs, name: values})})


def without_presence(table, modality):
    part = table.modalities[modality]
    return replace(table, modalities={**table.modalities, modality: replace(part, presence=0 * part.presence)})


@pytest.mark.parametrize(
    ("table", "named"),
    [
        (changed("voice", "contours", np.nan), r"voice\.contours\[7\] is not finite at made person b, .* 1 of 40"),
        (changed("eeg", "band_entropy", np.inf), r"eeg\.band_entropy\[1, 2\]"),
        (replace(TINY, vad=TINY.vad * 5), "within -1 to 1"),
        (replace(TINY, emotions=-TINY.emotions), "votes"),
        (replace(TINY, vad=TINY.vad * np.nan, emotions=0 * TINY.emotions), "neither a rating nor a vote"),
        (replace(TINY, weight=0 * TINY.weight), "weights"),
        (TINY.take(np.arange(0)), "no ticks"),
        (without_presence(TINY, "face"), "face is nowhere present"),
    ],
)
def test_what_cannot_be_learned_from_is_named(table, named):
    with pytest.raises(ModelError, match=named):
        fit(table, BRIEF)


def test_ratings_alone_and_votes_alone_are_enough():
    ratings = fit(replace(TINY, emotions=0 * TINY.emotions), BRIEF)
    votes = fit(replace(TINY, vad=TINY.vad * np.nan), BRIEF)
    assert (ratings.evidence_emotions, votes.evidence_dimensions) == ((), ())
    said = predict(votes, TINY)
    assert not said.vad.any()
    assert (predict(ratings, TINY).emotion_probabilities == predict(ratings, TINY).emotion_probabilities[0]).all()


def test_hiding_never_hides_all():
    torch.manual_seed(0)
    presence = torch.tensor([[1.0, 1, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]]).repeat(500, 1)
    shown = some_modalities(presence, 0.3)
    assert torch.equal(shown.amax(1), presence.amax(1))
    assert ((shown == presence) | (shown == 0)).all()
    assert shown[::4].mean() == pytest.approx(0.7 + 0.3**3, abs=0.04)  # where all three would go, all stay


def test_every_vote_counts_and_rare_emotions_no_more_than_five_times():
    votes = np.array([[0.9, 0.1, 0, 0, 0, 0, 0, 0]] * 99 + [[0, 0, 1.0, 0, 0, 0, 0, 0]])
    weights = emotion_weights(votes, np.ones(100))
    assert (weights[:3] > 0).all()
    assert weights[2] == pytest.approx(
        5 / (5 * 0.01 + weights[1] / weights[2] * 5 * 0.099 + weights[0] / weights[2] * 5 * 0.891)
    )
    assert votes.mean(axis=0) @ weights == pytest.approx(1)
    targets = Targets.of(replace(TINY, vad=np.where(np.arange(40)[:, None] % 2, np.nan, TINY.vad)))
    assert (targets.rated[1::2] == 0).all()
    assert (targets.rated[::2] > 0).all()
    assert torch.equal(targets.votes, torch.from_numpy(TINY.emotions).float())


def test_importance_is_0_for_a_gate_that_keeps_the_balance_and_grows_as_it_forgets_one():
    usual = torch.full((10, 3), 1 / 3)
    forgets = torch.tensor([[0.6, 0.3, 0.1]]).repeat(10, 1)
    only_two = torch.tensor([[0.5, 0.5, 0]]).repeat(10, 1)
    assert importance(usual, usual) == 0
    assert importance(forgets, usual) == pytest.approx(
        float(np.var([0.6, 0.3, 0.1]) / np.mean([0.6, 0.3, 0.1]) ** 2), rel=1e-4
    )
    assert importance(only_two, only_two) == 0


def test_calibration_makes_other_people_likelier(network):
    loud = joint_tables.made(160, seed=7, noise=1.2, people=("c", "d"))  # what was fitted is too sure of these
    test = joint_tables.made(160, seed=8, noise=1.2, people=("e",))
    result = calibrated(network, [(network, loud)])

    def surprise(one):
        said = predict(one, test)
        rated = [
            (said.vad, 2 * np.log(said.vad_sd)),
            *((e.vad_mean, e.vad_log_variance) for e in said.experts.values()),
        ]
        parts = [(v + (test.vad - mean) ** 2 / np.exp(v)).mean() for mean, v in rated]
        parts.append(-(test.emotions * np.log(said.emotion_probabilities)).sum(axis=1).mean())
        return np.array(parts)

    assert (surprise(result) < surprise(network)).all()
    with pytest.raises(EvaluationError, match="made a is held out"):
        calibrated(network, [(network, joint_tables.made(60))])
    few = joint_tables.made(20, seed=7, people=("c",))
    assert numbers(calibrated(network, [(network, few)])) == numbers(network)
