"""The network between electrodes: absent ones make no difference, order neither, and every position has an identity."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.electrodes import ELECTRODES
from streamsense.training.rbtransformer import SITES, ElectrodeAttention, RBTransformer, RBTransformerSettings

SETTINGS = RBTransformerSettings()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return RBTransformer(ELECTRODES, SETTINGS, np.zeros(5), np.ones(5)).eval()


def windows(seed, rows, names=ELECTRODES):
    random = np.random.default_rng(seed)
    values = torch.from_numpy(random.normal(size=(rows, len(names), 5)).astype(np.float32))
    return values, torch.from_numpy((random.random((rows, len(names))) < 0.3).astype(np.float32))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), foreign=st.floats(-1e6, 1e6, width=32))
def test_what_stands_at_an_absent_electrode_makes_no_difference(network, seed, foreign):
    values, mask = windows(seed, 3)
    with torch.no_grad():
        expected = network(values, mask)
        found = network(torch.where(mask[:, :, None] > 0, values, torch.tensor(foreign)), mask)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_the_electrodes_may_come_in_any_order_and_absent_ones_may_be_left_out(network):
    values, mask = windows(1, 4)
    kept = np.random.default_rng(2).permutation(len(ELECTRODES))[:30]
    mask = torch.zeros_like(mask)
    mask[:, kept] = 1
    with torch.no_grad():
        expected = network(values, mask)
        found = network.on([ELECTRODES[place] for place in kept])(values[:, kept], mask[:, kept])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_without_any_electrode_the_answer_is_finite(network):
    values, mask = windows(3, 2)
    with torch.no_grad():
        for output in network(values, torch.zeros_like(mask)):
            assert torch.isfinite(output).all()


def test_the_attention_is_the_librarys_own(network):
    attention = network.blocks[0].attention
    assert isinstance(attention, ElectrodeAttention)
    tokens, present = torch.randn(2, 6, SETTINGS.width), torch.tensor([[1, 1, 0, 1, 0, 1], [1, 1, 1, 1, 1, 1]]) > 0

    def split(projected):
        return projected.reshape(2, 6, SETTINGS.heads, SETTINGS.head_width).transpose(1, 2)

    with torch.no_grad():
        found = attention(tokens, torch.where(present, 0.0, -1e4)[:, None, None, :])
        mixed = torch.nn.functional.scaled_dot_product_attention(
            split(attention.query(tokens)),
            split(attention.key(tokens)),
            split(attention.value(tokens)),
            attn_mask=present[:, None, None, :],
        )
        expected = attention.result(mixed.transpose(1, 2).reshape(2, 6, -1))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_an_electrode_is_a_mixture_of_the_sites_around_it(network):
    of = {
        name: dict(zip(SITES, row.tolist(), strict=True)) for name, row in zip(ELECTRODES, network.mixture, strict=True)
    }
    assert of["C3"]["C3"] > 0.8
    assert of["C1"]["C3"] > 0.3 < of["C1"]["Cz"]
    assert sum(sorted(of["C1"].values())[-2:]) > 0.8
    assert of["FT9"]["F7"] + of["FT9"]["T7"] > 0.8  # below the sites, and still known
    torch.testing.assert_close(network.mixture.sum(1), torch.ones(len(ELECTRODES)))


def test_it_has_about_a_hundred_thousand_numbers_and_looks_at_its_bands_alone():
    slim = RBTransformer(SITES, RBTransformerSettings(bands=(0, 1, 2, 3)), np.zeros(5), np.ones(5)).eval()
    assert 90_000 < sum(parameter.numel() for parameter in slim.parameters()) < 110_000
    values, mask = windows(4, 2, SITES)
    other = values.clone()
    other[:, :, 4] += 3
    with torch.no_grad():
        assert torch.equal(slim(values, mask)[0], slim(other, mask)[0])


def test_unknown_bands_are_refused():
    with pytest.raises(ValueError, match="indices of delta, theta"):
        RBTransformerSettings(bands=(5,))
