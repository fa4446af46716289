"""Fitting gives the same bytes twice, also when it was stopped in between, and refuses what it cannot go on with."""

import numpy as np
import pytest
import torch
from torch import nn

from streamsense.errors import ModelError
from streamsense.training.fitting import FittingSettings, fit

X = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32))
SETTINGS = FittingSettings(epochs=6, batch_size=16, learning_rate=0.01, seed=7)


class StopHere(Exception):
    """What a user's Ctrl-C would be."""


def build():
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))


def loss_of(network, rows):
    return ((network(X[rows])[:, 0] - X[rows].sum(1)) ** 2).mean()


def numbers(network):
    return torch.cat([value.flatten() for value in network.state_dict().values()]).numpy().tobytes()


def test_it_learns_and_gives_the_same_bytes_twice():
    losses = []
    first = fit(build, len(X), loss_of, SETTINGS, progress=lambda _epoch, loss: losses.append(loss))
    torch.rand(5)  # what else is drawn meanwhile makes no difference
    assert numbers(fit(build, len(X), loss_of, SETTINGS)) == numbers(first)
    assert len(losses) == 6
    assert losses[-1] < 0.9 * losses[0]
    assert not first.training


def test_another_seed_gives_another_network():
    other = FittingSettings(epochs=6, batch_size=16, learning_rate=0.01, seed=8)
    assert numbers(fit(build, len(X), loss_of, SETTINGS)) != numbers(fit(build, len(X), loss_of, other))


@pytest.mark.parametrize("stop_after", [1, 4, 6])
def test_one_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, stop_after):
    def stop(epoch, _loss):
        if epoch == stop_after:
            raise StopHere

    kept, seen = tmp_path / "kept.npz", []
    with pytest.raises(StopHere):
        fit(build, len(X), loss_of, SETTINGS, kept, stop)
    resumed = fit(build, len(X), loss_of, SETTINGS, kept, lambda epoch, _loss: seen.append(epoch))
    assert seen == list(range(stop_after + 1, 7))
    assert numbers(resumed) == numbers(fit(build, len(X), loss_of, SETTINGS))


def test_it_leaves_torch_as_it_was():
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    fit(build, len(X), loss_of, SETTINGS)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.are_deterministic_algorithms_enabled()


def damaged(content):
    return content[: len(content) // 2]


@pytest.mark.parametrize("damage", [damaged, lambda _content: b"", lambda _content: b"no archive at all"])
def test_a_damaged_checkpoint_is_named_and_refused(tmp_path, damage):
    kept = tmp_path / "kept.npz"
    fit(build, len(X), loss_of, SETTINGS, kept)
    kept.write_bytes(damage(kept.read_bytes()))
    with pytest.raises(ModelError, match=r"kept\.npz cannot be used .* Remove it"):
        fit(build, len(X), loss_of, SETTINGS, kept)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    kept = tmp_path / "kept.npz"
    fit(build, len(X), loss_of, SETTINGS, kept)
    longer = FittingSettings(epochs=7, batch_size=16, learning_rate=0.01, seed=7)
    with pytest.raises(ModelError, match="another training"):
        fit(build, len(X), loss_of, longer, kept)
    with pytest.raises(ModelError, match="cannot be used"):
        fit(lambda: nn.Sequential(nn.Linear(4, 9), nn.Linear(9, 1)), len(X), loss_of, SETTINGS, kept)


def test_a_checkpoint_with_pickled_objects_is_refused(tmp_path):
    kept = tmp_path / "kept.npz"
    with kept.open("wb") as stream:
        np.savez(stream, training=np.array([{"not": "numbers"}], dtype=object), allow_pickle=True)
    with pytest.raises(ModelError, match="cannot be used"):
        fit(build, len(X), loss_of, SETTINGS, kept)


def test_a_loss_that_is_not_finite_ends_it():
    with pytest.raises(ModelError, match=r"The loss became nan in epoch 1\. .*NaN among the features"):
        fit(build, len(X), lambda network, rows: loss_of(network, rows) * float("nan"), SETTINGS)


def test_the_rate_falls_along_half_a_cosine():
    assert SETTINGS.rate_at(0) == pytest.approx(0.01)
    assert SETTINGS.rate_at(0.5) == pytest.approx((0.01 + 1e-6) / 2)
    assert SETTINGS.rate_at(1) == pytest.approx(1e-6)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"learning_rate": 1e-9}, {"weight_decay": -1.0}, {"seed": -1}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        FittingSettings(**wrong)
