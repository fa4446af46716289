"""How far a fitted network can be believed, learned on people whom it was not fitted to.

Each expert: a temperature for its emotions, a line through its log-variances. Then the fused opinion, with the experts
calibrated: a temperature, and how much narrower than the prior it may be. Temperature scaling is that of Guo et al.
(2017, arXiv 1706.04599) by the likelihood of all raters' votes; the line is the one with the likeliest errors.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar

from streamsense.arrays import FloatArray
from streamsense.errors import EvaluationError
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS, PRIOR_SD
from streamsense.fusion.weighting import EMOTION_PRIOR
from streamsense.training.joint_losses import shares
from streamsense.training.joint_network import JointNetwork, JointOpinions, predict
from streamsense.training.joint_table import JointTable

BoolArray = npt.NDArray[np.bool_]
HeldOut = Sequence[tuple[JointNetwork, JointTable]]
LEAST_TICKS: Final = 50
"""With fewer labelled ticks a number stays as it is: it would follow chance."""
_LOG_TEMPERATURES = (-2.0, 3.0)
_SLOPES = (0.0, 2.0)
_FUSED_SLOPES = (0.05, 2.0)
_NEVER = -1e4


def calibrated(network: JointNetwork, held_out: HeldOut) -> JointNetwork:
    """The network, calibrated; `network` itself stays as it is.

    `held_out` are tables of people whom the network beside each was not fitted to: either the network itself with one
    table, or the networks of a cross-validation, fitted with the same settings, each with the people it was not shown.
    Raises EvaluationError where a network knows a person of its table.
    """
    for one, table in held_out:
        known = sorted({(window.dataset, window.person) for window in table.windows} & one.people)
        if known:
            raise EvaluationError(
                f"{' '.join(known[0])} is held out for calibration, but the network was fitted to this person. "
                "Expected other people: it knows its own too well to say how far it can be believed."
            )
    result = replace(network, net=copy.deepcopy(network.net))
    fold_networks = [(replace(one, net=copy.deepcopy(one.net)), table) for one, table in held_out]
    _calibrate_experts(result, fold_networks)
    _calibrate_fusion(result, fold_networks)
    return result


def _calibrate_experts(result: JointNetwork, held_out: HeldOut) -> None:
    """Set each expert's calibration, in the result and in the networks that it was learned from."""
    said = [(predict(one, table), table) for one, table in held_out]
    for modality in result.modalities:
        parts = [
            (opinions.experts[modality], table, table.modalities[modality].presence > 0)
            for opinions, table in said
            if modality in opinions.experts
        ]
        if not parts:
            continue
        logits = np.concatenate([one.emotion_logits[there] for one, _, there in parts])
        votes, weight = _votes([(table, there) for _, table, there in parts])
        temperature = fitted_temperature(logits + np.where(_known(result), 0.0, _NEVER), votes, weight)
        lines = [
            fitted_line(
                np.concatenate([one.vad_log_variance[there, at] for one, _, there in parts]),
                np.concatenate([(table.vad[there, at] - one.vad_mean[there, at]) ** 2 for one, table, there in parts]),
                weight,
            )
            for at in range(len(DIMENSIONS))
        ]
        for network in (result, *(one for one, _ in held_out if modality in one.modalities)):
            expert = network.net.expert(modality)
            expert.temperature.fill_(temperature)
            expert.offset.copy_(torch.tensor([offset for offset, _ in lines]))
            expert.slope.copy_(torch.tensor([slope for _, slope in lines]))


def _calibrate_fusion(result: JointNetwork, held_out: HeldOut) -> None:
    """Set the calibration of the fused opinion in the result."""
    said: list[tuple[JointOpinions, JointTable]] = [(predict(one, table), table) for one, table in held_out]
    prior = np.log(np.array(EMOTION_PRIOR))
    raised = np.concatenate([np.log(np.maximum(one.emotion_probabilities, 1e-12)) - prior for one, _ in said])
    votes, weight = _votes([(table, np.ones(len(table), np.bool_)) for _, table in said])
    fusion = result.net.fusion
    fusion.temperature.fill_(fitted_temperature(raised, votes, weight, prior))
    for at in range(len(DIMENSIONS)):
        narrowed = np.concatenate([2 * np.log(one.vad_sd[:, at] / PRIOR_SD) for one, _ in said])
        errors = np.concatenate([(table.vad[:, at] - one.vad[:, at]) ** 2 for one, table in said])
        fusion.slope[at] = fitted_slope(narrowed, errors, weight)


def fitted_temperature(
    logits: FloatArray, votes: FloatArray, weight: FloatArray, prior: FloatArray | None = None
) -> float:
    """The temperature of `logits` (n, 8), over a log-prior (8,) if there is one, that makes the votes likeliest."""
    voted = votes.any(axis=1) & (weight > 0)
    if voted.sum() < LEAST_TICKS:
        return 1.0
    logits, votes, weight = logits[voted], votes[voted], weight[voted]
    beside = np.zeros(len(EMOTIONS)) if prior is None else prior

    def surprise(log_temperature: float) -> float:
        raised = logits / np.exp(log_temperature) + beside
        highest = raised.max(axis=1, keepdims=True)
        log_given = raised - highest - np.log(np.exp(raised - highest).sum(axis=1, keepdims=True))
        return float(-(weight * (votes * log_given).sum(axis=1)).sum() / weight.sum())

    return float(np.exp(_least(surprise, _LOG_TEMPERATURES)))


def fitted_line(log_variance: FloatArray, squares: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Offset and slope of a line through log-variances (n,) that makes squared errors (n,; NaN: unrated) likeliest."""
    rated = np.isfinite(squares) & (weight > 0)
    if rated.sum() < LEAST_TICKS:
        return 0.0, 1.0
    log_variance, squares, weight = log_variance[rated], squares[rated], weight[rated] / weight[rated].sum()

    def offset(slope: float) -> float:
        return float(np.log((weight * squares * np.exp(-slope * log_variance)).sum() + 1e-9))

    def surprise(slope: float) -> float:
        return offset(slope) + slope * float(weight @ log_variance)

    slope = _least(surprise, _SLOPES)
    return offset(slope), slope


def fitted_slope(narrowed: FloatArray, squares: FloatArray, weight: FloatArray) -> float:
    """What to multiply the log of variance over the prior's (n,) with, so that squared errors (n,) are likeliest.

    Where the variance is above the prior's it stays as it is.
    """
    rated = np.isfinite(squares) & (weight > 0) & (narrowed < 0)
    if rated.sum() < LEAST_TICKS:
        return 1.0
    narrowed, squares, weight = narrowed[rated], squares[rated] / PRIOR_SD**2, weight[rated] / weight[rated].sum()

    def surprise(slope: float) -> float:
        return float(weight @ (slope * narrowed + squares * np.exp(-slope * narrowed)))

    return _least(surprise, _FUSED_SLOPES)


def _least(function: Callable[[float], float], bounds: tuple[float, float]) -> float:
    return float(minimize_scalar(function, bounds=bounds, method="bounded").x)


def _votes(parts: Sequence[tuple[JointTable, BoolArray]]) -> tuple[FloatArray, FloatArray]:
    """All raters' shares (n, 8) and the weights (n,) of those ticks that are there."""
    votes = np.concatenate([shares(table.emotions[there]) for table, there in parts])
    return votes, np.concatenate([table.weight[there] for table, there in parts])


def _known(network: JointNetwork) -> BoolArray:
    return np.asarray(network.net.emotion_evidence.numpy() > 0)
