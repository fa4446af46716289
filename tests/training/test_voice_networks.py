"""The voice expert's networks and what they learn from, against what their formulas say."""

import numpy as np
import pytest
import torch

from streamsense.evaluation.metrics import concordance
from streamsense.training.voice_clips import LABELS
from streamsense.training.voice_expert import (
    FRAMES_SHARE,
    SHARED,
    Calibration,
    Opinions,
    VoiceExpert,
    calibrate,
    mixed,
)
from streamsense.training.voice_losses import PLACES, class_weights, penalties, soft_labels
from streamsense.training.voice_losses import concordance as torch_concordance
from streamsense.training.voice_measures import Judged, dealt_out, figure
from streamsense.training.voice_networks import FramesNet, FunctionalsNet, halved, pooled
from streamsense.training.voice_training import fit_frames, say_frames


def test_frames_that_do_not_count_change_nothing():
    torch.manual_seed(0)
    net = FramesNet().eval()
    frames, mask = torch.randn(3, 200, 64), (torch.rand(3, 200) < 0.6).float()
    mask[:, 120:] = 0.0
    with torch.no_grad():
        said = net(frames, mask)
        other = net(torch.where(mask.unsqueeze(2) > 0, frames, torch.full_like(frames, 7.0)), mask)
        silent = net(frames, torch.zeros_like(mask))
    for one, two, nothing in zip(said, other, silent, strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=0)
        assert torch.isfinite(nothing).all()
    assert (said.logits != silent.logits).any()


def test_halving_and_pooling_are_means_over_what_counts():
    rng = np.random.default_rng(1)
    frames, mask = rng.normal(size=(2, 8, 3)).astype(np.float32), np.array([[1, 1, 0, 1, 0, 0, 1, 0]] * 2, np.float32)
    half, there = halved(torch.from_numpy(frames), torch.from_numpy(mask))
    np.testing.assert_allclose(half[0, 0], frames[0, :2].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(half[0, 1], frames[0, 3], atol=1e-6)
    assert there[0].tolist() == [1, 1, 0, 1]
    score = rng.normal(size=(2, 8)).astype(np.float32)
    found = pooled(*(torch.from_numpy(value) for value in (frames, mask, score))).numpy()[1]
    counted, weight = frames[1, mask[1] > 0], np.exp(score[1, mask[1] > 0])
    expected = [counted.mean(axis=0), counted.std(axis=0), weight @ counted / weight.sum()]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)


def test_votes_keep_every_listener_and_classes_count_alike():
    votes = soft_labels(np.array([2, 5]), np.array([0.8, 0.1]))
    np.testing.assert_allclose(votes.sum(axis=1), 1)
    assert votes[0, 2] == pytest.approx(0.8)
    assert votes[0, 0] == pytest.approx(0.2 / 6)
    assert votes[1].argmax() == 5
    assert votes[1, 5] == 0.5, "what was acted keeps half, whatever was heard"
    penalty = penalties(np.array([[0.5, 0.5, 0], [1, 0, 0], [0, 0, 1]]))
    assert penalty[0, 2] == 1
    assert penalty[0, 1] == pytest.approx(1 - 0.25 / np.sqrt(1.25 * 0.25))
    np.testing.assert_array_equal(np.diag(penalty), 0)
    labels = np.array([0, 0, 0, 1])
    weights = class_weights(labels, np.ones(4))[labels]
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights.mean() == pytest.approx(1)


def test_concordance_is_the_same_for_learning_and_for_judging():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(50, 1))
    given = 0.5 * truth + rng.normal(0.3, 0.4, (50, 1))
    tensors = (torch.from_numpy(given), torch.from_numpy(truth), torch.ones(50, dtype=torch.float64))
    found = concordance(truth[:, 0], given[:, 0])
    assert float(torch_concordance(*tensors)[0]) == pytest.approx(found, abs=1e-6)
    assert found < np.corrcoef(truth[:, 0], given[:, 0])[0, 1]
    assert concordance(truth[:, 0], truth[:, 0]) == pytest.approx(1)


def test_measures_know_chance_and_certainty():
    rng = np.random.default_rng(3)
    label = np.repeat(np.arange(7), 20)
    right = Opinions(4.0 * np.eye(7)[label], PLACES[label], np.zeros((140, 3)))
    names = np.array([f"clip {number}" for number in range(140)])
    judged = Judged(names, label, np.tile(["a", "b"], 70), np.zeros(140, np.int64), right)
    assert (judged.uar(), judged.uar_of_six()) == (1, 1)
    assert judged.concordance(1) == pytest.approx(1)
    mean, high = dealt_out(judged)
    assert mean == pytest.approx(1 / 7, abs=0.01)
    assert mean < high < 0.25
    by_chance = Judged(names, label, judged.speaker, judged.place, right.rows(rng.permutation(140)))
    assert figure([by_chance], Judged.uar, 200).high < 0.35
    assert by_chance.calibration_error() > judged.calibration_error()


class Table:
    """Just what calibrating reads of a table."""

    def __init__(self, label):
        self.label, self.clip, self.last = label, np.arange(len(label)), np.ones(len(label), bool)

    def log_mel(self, windows):
        return {"log_mel_mask": np.where(windows[:, None] % 2, 0.2, 1.0) * np.ones(200)}


def test_calibration_finds_the_temperature_and_the_spread():
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, (4000, 7))
    powers = np.exp(logits)
    label = np.array([rng.choice(7, p=row / row.sum()) for row in powers])
    errors = rng.normal(0, 0.4, (4000, 3))
    errors[1::2] *= np.exp([0.25, 0.5, 0.0])  # half as much voice as is enough: variances times e^(brevity / 2)
    too_sure = Opinions(3 * logits, PLACES[label] + errors, np.full((4000, 3), np.log(0.1**2)))
    found = calibrate(too_sure, Table(label))
    assert found.temperature == pytest.approx(3, rel=0.1)
    assert found.spread == pytest.approx((16, 16, 16), rel=0.15)
    assert found.brevity == pytest.approx((1.0, 2.0, 0.0), abs=0.2)
    np.testing.assert_allclose(found.apply(too_sure, Table(label)).logits, logits, rtol=0.1, atol=0.1)


def test_the_expert_says_nothing_without_voice_and_keeps_boredom_beside_the_mixture():
    torch.manual_seed(1)
    net, frames_net = FunctionalsNet(torch.zeros(304), torch.ones(304)), FramesNet().eval()
    torch.nn.init.normal_(net.heads.emotions.weight)
    torch.nn.init.normal_(net.heads.vad.weight, std=0.02)
    expert = VoiceExpert(net.eval(), frames_net, Calibration(0.5, (1.0, 2.0, 3.0), (1.0, 0.5, 0.0)))
    statistics, contours, prosody = torch.randn(2, 64, 4), torch.randn(2, 10), torch.randn(2, 4)
    movement, frames, mask = torch.randn(2, 34), torch.randn(2, 200, 64), torch.ones(2, 200)
    prosody[:, 2] = torch.tensor([1.0, 0.0])
    with torch.no_grad():
        mean, log_variance, emotions, boredom = expert(statistics, prosody, contours, movement, frames, mask)
        opinion = net(torch.cat([statistics.flatten(1), prosody, contours, movement], dim=1))
        logits = mixed(opinion, frames_net(frames, mask), FRAMES_SHARE).logits[0] / 0.5
    # neutral, happy, sad, surprised, fearful, disgusted, angry, contemptuous
    places = [("neutral", 0), ("happy", 1), ("sad", 2), ("fearful", 4), ("disgusted", 5), ("angry", 6)]
    level = logits[:SHARED].mean()
    for name, place in places:
        assert float(emotions[0, place]) == pytest.approx(float(logits[LABELS.index(name)] - level), abs=1e-5)
    assert emotions[0, [3, 7]].tolist() == [0, 0]
    assert float(boredom[0, 0]) == pytest.approx(float(logits[6] - level), abs=1e-5)
    assert not mean[1].any()
    assert not emotions[1].any()
    assert (log_variance[1] > log_variance[0]).all()


@pytest.mark.real_data
def test_the_network_on_frames_learns_the_same_twice(acted_table):
    one, two, other = (say_frames(fit_frames(acted_table, seed, 4), acted_table) for seed in (0, 0, 1))
    assert one.logits.tobytes() == two.logits.tobytes()
    assert one.logits.tobytes() != other.logits.tobytes()
    judged = Judged.of(acted_table, one, acted_table.last)
    assert judged.uar() > dealt_out(judged)[1], "even four epochs learn something of what they were shown"
