"""The expert of one modality: a model that fits the pipeline's features, with what it has evidence for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import ModelError
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS, PRIOR_SD
from streamsense.models.card import ModelMetadata
from streamsense.models.contract import differing_fields
from streamsense.models.session import NonFiniteOutputError, OnnxModel
from streamsense.streams import Feature, Modality

PRIOR_LOG_VARIANCE = 2 * math.log(PRIOR_SD)
LOG_VARIANCE_RANGE = (math.log(0.02**2), math.log(2.0**2))
"""No expert is believed to be surer than ±0.02 or less sure than ±2."""
LOGIT_LIMIT = 20.0
OUTPUTS = {"vad_mean": 3, "vad_log_variance": 3, "emotion_logits": 8}
"""What an expert gives, and how many numbers each holds."""


@dataclass(frozen=True, eq=False)
class ExpertOutput:
    """What one expert says at one tick.

    `vad_mean` (3,) in [-1, 1]; `vad_log_variance` (3,) natural log; `emotion_logits` (8,). Where the expert has no
    evidence: mean 0, the prior's variance, logit 0. `failure` is empty, or says why the whole output is no evidence.
    """

    vad_mean: FloatArray
    vad_log_variance: FloatArray
    emotion_logits: FloatArray
    failure: str = ""


class Expert:
    """A model behind one modality's features.

    `pipeline_contract` is the contract of the operator that feeds it; `metadata` are card and contract of the model, by
    default those in its file. Raises ModelError when the model was made for another modality, for other features (the
    message lists each field), or has other outputs.
    """

    def __init__(
        self,
        model: OnnxModel,
        modality: Modality,
        pipeline_contract: Mapping[str, object],
        metadata: ModelMetadata | None = None,
    ) -> None:
        self.model = model
        self.modality = modality
        self.metadata = model.metadata() if metadata is None else metadata
        name = model.path.name
        if self.metadata.card.modality != modality:
            raise ModelError(f"{name} is a model for {self.metadata.card.modality}, expected one for {modality}.")
        if differences := differing_fields(self.metadata.contract, pipeline_contract):
            raise ModelError(
                f"{name} was made for other features than this pipeline computes: {'; '.join(differences)}. Set the "
                "pipeline's features as the model expects them, or use a model that was made for these."
            )
        for output, size in OUTPUTS.items():
            if model.outputs.get(output) != (size,):
                has = ", ".join(f"{one} {shape}" for one, shape in model.outputs.items())
                raise ModelError(
                    f"{name} lacks the output {output} of shape ({size},) behind the batch axis; it has {has}. Export "
                    f"it again with {', '.join(f'{one} ({length},)' for one, length in OUTPUTS.items())}."
                )
        card = self.metadata.card
        self.vad_evidence: FloatArray = np.array([float(name in card.evidence_dimensions) for name in DIMENSIONS])
        self.emotion_evidence: FloatArray = np.array([float(name in card.evidence_emotions) for name in EMOTIONS])
        self.vad_evidence.flags.writeable = self.emotion_evidence.flags.writeable = False

    def evaluate(self, feature: Feature) -> ExpertOutput:
        """The expert's output for one window.

        Of the feature's inputs the model is given those that it takes. Where one of these or an output is not finite,
        the output is no evidence, with the reason; wrong inputs raise ModelError.
        """
        if feature.modality != self.modality:
            raise ModelError(f"The expert for {self.modality} was given a feature of {feature.modality}.")
        inputs = {name: feature.inputs[name] for name in self.model.inputs if name in feature.inputs}
        # A model may well make a plausible number of NaN.
        if spoilt := [name for name, value in inputs.items() if not np.isfinite(value).all()]:
            return _no_evidence(f"{self.model.path.name} was given numbers that are not finite in {', '.join(spoilt)}.")
        try:
            raw = self.model.run(inputs)
        except NonFiniteOutputError as error:
            return _no_evidence(str(error))
        for name, size in OUTPUTS.items():
            if raw[name].shape != (size,):
                raise ModelError(f"Output {name} of {self.model.path.name} has shape {raw[name].shape}, not ({size},).")
        has_vad = self.vad_evidence > 0
        mean = np.clip(raw["vad_mean"].astype(np.float64), -1.0, 1.0)
        log_variance = np.clip(raw["vad_log_variance"].astype(np.float64), *LOG_VARIANCE_RANGE)
        logits = np.clip(raw["emotion_logits"].astype(np.float64), -LOGIT_LIMIT, LOGIT_LIMIT)
        return ExpertOutput(
            np.where(has_vad, mean, 0.0),
            np.where(has_vad, log_variance, PRIOR_LOG_VARIANCE),
            np.where(self.emotion_evidence > 0, logits, 0.0),
        )


def _no_evidence(failure: str) -> ExpertOutput:
    return ExpertOutput(np.zeros(3), np.full(3, PRIOR_LOG_VARIANCE), np.zeros(8), failure)
