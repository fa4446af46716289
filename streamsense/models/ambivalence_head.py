"""A trained model of ambivalence in the formula's place: it is given the same parts, and gives log-odds."""

from __future__ import annotations

import numpy as np

from streamsense.arrays import Float32Array
from streamsense.errors import ModelError
from streamsense.fusion.ambivalence import HEAD_INPUT, HEAD_INPUTS, HEAD_OUTPUT, ambivalence_contract
from streamsense.models.contract import differing_fields
from streamsense.models.session import NonFiniteOutputError, OnnxModel


class AmbivalenceHead:
    """A model whose card says `modality: ambivalence`.

    Its contract is `ambivalence_contract()`. Raises ModelError when the model was made for something else (the message
    lists each field), or has other inputs and outputs.
    """

    def __init__(self, model: OnnxModel) -> None:
        name, metadata = model.path.name, model.metadata()
        if metadata.card.modality != "ambivalence":
            raise ModelError(f"{name} is a model for {metadata.card.modality}, expected one for ambivalence.")
        if differences := differing_fields(metadata.contract, ambivalence_contract()):
            raise ModelError(
                f"{name} was made for other parts than this version computes: {'; '.join(differences)}. Use a model "
                "that was made for these, or leave ambivalence.model out of the configuration."
            )
        expected = {HEAD_INPUT: (len(HEAD_INPUTS),)}
        if model.inputs != expected or HEAD_OUTPUT not in model.outputs:
            raise ModelError(
                f"{name} has the inputs {model.inputs} and the outputs {', '.join(model.outputs)}; expected {expected} "
                f"and {HEAD_OUTPUT}."
            )
        self._model = model
        self.log_odds(np.zeros(len(HEAD_INPUTS), np.float32))

    def log_odds(self, parts: Float32Array) -> float | None:
        """Log-odds of ambivalence of HEAD_INPUTS (n,); None where the model gives no finite number."""
        try:
            found = self._model.run({HEAD_INPUT: parts})[HEAD_OUTPUT]
        except NonFiniteOutputError:
            return None
        if found.shape != (1,):
            raise ModelError(f"Output {HEAD_OUTPUT} of {self._model.path.name} has shape {found.shape}, not (1,).")
        return float(found[0])
