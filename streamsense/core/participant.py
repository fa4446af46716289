"""What the core knows of the participant: learned as the session goes on, or given by a profile and then fixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamsense.core.pipeline_state import PipelineState
from streamsense.errors import ConfigError
from streamsense.features.operator import FeatureOperator
from streamsense.fusion.combination import Fusion
from streamsense.fusion.emotions import fusion_contract
from streamsense.models.contract import contract_sha256
from streamsense.profile import FUSION, Part, Profile, parse_profile
from streamsense.streams import Modality


class Participant:
    """All parts of the core that learn of the participant: the modalities' operators, and the fusion."""

    def __init__(self, operators: Mapping[Modality, FeatureOperator], fusion: Fusion, state: PipelineState) -> None:
        self._operators = operators
        self._fusion = fusion
        self._state = state

    def use_profile(self, text: str) -> tuple[Profile, list[str]]:
        """Let all parts refer to a profile; returns warnings too. Raises ConfigError when it does not fit them."""
        profile = parse_profile(text)
        warnings: list[str] = []
        for name, (learner, contract) in self._learners().items():
            part = profile.parts.get(name)
            if part is not None and part.get("contract") != contract_sha256(contract):
                raise ConfigError(
                    f"The {name} part of the profile was learned with other features than this session's. Use the "
                    "settings and the version of streamsense that it was made with, or make a new profile."
                )
            warnings += learner.use_profile(part)
        self._state.profile, self._state.frozen = text, []
        return profile, warnings

    def learn(self, parts: Iterable[str]) -> None:
        """Let `parts` learn anew, and all others learn no more; a profile is no longer in use."""
        learners = {name: learner for name, (learner, _) in self._learners().items()}
        if self._state.profile:
            for learner in learners.values():
                learner.use_profile(None)
        self._state.profile, self._state.frozen = "", [name for name in learners if name not in parts]
        for name, learner in learners.items():
            if name in parts:
                learner.learn_anew()
            else:
                learner.freeze()

    def resume(self) -> None:
        """Use the profile, and freeze the parts, that a restored state names."""
        if self._state.profile:
            self.use_profile(self._state.profile)
        for name, (learner, _) in self._learners().items():
            if name in self._state.frozen:
                learner.freeze()

    def learned(self) -> dict[str, Part]:
        """What is known, by modality and in the fusion, for a profile: learned, or a profile's."""
        given = parse_profile(self._state.profile).parts if self._state.profile else {}
        parts: dict[str, Part] = {}
        for name, (learner, contract) in self._learners().items():
            if name in given:
                parts[name] = given[name]
            elif (part := learner.learned()) is not None:
                parts[name] = {"contract": contract_sha256(contract), **part}
        return parts

    def learned_s(self) -> dict[Modality, float]:
        """From how many seconds of the participant each modality learned in this session."""
        return {modality: operator.learned_s for modality, operator in self._operators.items()}

    def _learners(self) -> dict[str, tuple[FeatureOperator | Fusion, Mapping[str, object]]]:
        """Each part that learns, and the contract that what it learns holds for."""
        return {
            **{modality: (operator, operator.contract()) for modality, operator in self._operators.items()},
            FUSION: (self._fusion, fusion_contract()),
        }
