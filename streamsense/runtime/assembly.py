"""From a configuration to a pipeline: operators, experts and fusion put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamsense.config import Config, VoiceSection
from streamsense.errors import ModelError
from streamsense.features.band_entropy import BandEntropy, BandEntropySettings
from streamsense.features.face_features import FaceFeatures, FaceFeatureSettings
from streamsense.features.language_cues import LanguageCues
from streamsense.features.log_mel import LogMelSettings
from streamsense.features.operator import FeatureOperator, FrontEnd
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_frames import VoiceFrontEndSettings
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.fusion.combination import INPUTS, OUTPUTS, Fusion, FusionModel, FusionSettings
from streamsense.fusion.dynamics import DynamicsSettings
from streamsense.fusion.emotions import fusion_contract
from streamsense.fusion.precision import PrecisionFusion
from streamsense.models.ambivalence_head import AmbivalenceHead
from streamsense.models.contract import differing_fields
from streamsense.models.expert import Expert
from streamsense.models.onnxruntime_check import check_onnxruntime
from streamsense.models.providers import Provider
from streamsense.models.session import OnnxModel
from streamsense.models.silero import SILERO, SileroNet
from streamsense.pipeline import Pipeline
from streamsense.resources import shipped
from streamsense.runtime.warm_up import warm_up
from streamsense.schedule import TimingSettings
from streamsense.streams import Modality

FUSION_MODEL = Config().fusion_model
"""The one that is used where none is named."""


def build_pipeline(config: Config) -> tuple[Pipeline, dict[str, str]]:
    """A pipeline ready for its first event, and what describes it in the metadata of its outputs.

    Every model is loaded, checked against its features' contract and warmed up here, before anything is live.
    """
    new_pipeline, description = _assembled(config)
    # Another pipeline of the same parts is used up by the warm-up; this one must start from nothing.
    warm_up(new_pipeline(), config)
    return new_pipeline(), description


def build_replay_pipeline(config: Config) -> tuple[Pipeline, dict[str, str]]:
    """The same for what was recorded: nothing waits for it, so what runs on raw sound is loaded when there is some."""
    new_pipeline, description = _assembled(config)
    return new_pipeline(), description


def _assembled(config: Config) -> tuple[Callable[[], Pipeline], dict[str, str]]:
    """What makes pipelines of the same models, and what describes them."""
    check_onnxruntime()
    experts: dict[Modality, Expert] = {}
    description: dict[str, str] = {}
    for modality, operator in feature_operators(config).items():
        name = _model_name(config, modality)
        model = load_model(name, config.provider)
        experts[modality] = Expert(model, modality, operator.contract())
        description[f"{modality}_model"] = f"{name} {model.sha256}"
        description[f"{modality}_delay_s"] = f"{operator.effective_delay_s:.3f}"
        if isinstance(operator, BandEntropy):
            delays = operator.band_delays_s.items()
            description["eeg_band_delays_s"] = ", ".join(f"{band} {delay_s:.3f}" for band, delay_s in delays)
    model = _fusion_model(config.fusion_model, config.provider)
    description["fusion_model"] = f"{config.fusion_model} {model.sha256}"
    description["provider"] = model.provider
    head = None if config.ambivalence.model is None else load_model(config.ambivalence.model, config.provider)
    ambivalence = None if head is None else AmbivalenceHead(head)
    description["ambivalence"] = (
        "ambivalence_proxy, uncalibrated" if head is None else f"{config.ambivalence.model} {head.sha256}"
    )
    timing, settings = _timing(config), fusion_settings(config)
    net = speech_net(config)
    if net is not None:
        description["voice_activity_model"] = f"{SILERO} {net.sha256}"

    fusing = _runnable(config.fusion_model, model)

    def new_pipeline() -> Pipeline:
        fusion = Fusion(fusing, settings, ambivalence)
        return Pipeline(
            feature_operators(config), experts, fusion, timing, front_ends(config, net), language_cues(config)
        )

    return new_pipeline, description


def fusion_settings(config: Config) -> FusionSettings:
    """What the configuration says of fusion."""
    return FusionSettings(DynamicsSettings(**config.dynamics.model_dump()))


def build_feature_pipeline(config: Config) -> Pipeline:
    """A pipeline without experts, whatever features the configuration asks for: for what reads the windows alone."""
    check_onnxruntime()
    fronts = front_ends(config, speech_net(config))
    fusion = Fusion(load_fusion(provider=config.provider))  # its scores are not looked at
    return Pipeline(feature_operators(config), {}, fusion, _timing(config), fronts, language_cues(config))


def feature_operators(config: Config) -> dict[Modality, FeatureOperator]:
    """The feature operators of the modalities that the configuration uses."""
    operators: dict[Modality, FeatureOperator] = {}
    if config.eeg is not None:
        operators["eeg"] = BandEntropy(
            BandEntropySettings(
                window_s=config.eeg.window_s,
                line_frequency_hz=config.eeg.line_frequency_hz,
                reference=config.eeg.reference,
                interpolate=config.eeg.interpolate,
            ),
            config.eeg.electrodes,
        )
    if config.face is not None:
        operators["face"] = FaceFeatures(config.face.front_end, FaceFeatureSettings(window_s=config.face.window_s))
    if config.voice is not None:
        front_end = _voice_front_end(config.voice)
        operators["voice"] = VoiceFeatures(VoiceFeaturesSettings(window_s=config.voice.window_s, front_end=front_end))
    return operators


def language_cues(config: Config) -> LanguageCues | None:
    """What takes the counts of recognised words, where the configuration uses them."""
    return LanguageCues() if config.text is not None else None


def front_ends(config: Config, net: SileroNet | None) -> dict[Modality, FrontEnd]:
    """The front ends of the modalities whose raw samples the core takes; `net` is what `speech_net` gives."""
    return {"voice": VoiceFrontEnd(_voice_front_end(config.voice), net)} if config.voice is not None else {}


def speech_net(config: Config) -> SileroNet | None:
    """The net that decides who is heard to speak, where the configuration asks for one.

    Another decision in its place would be another feature: nothing stands in for it where it is not here.
    """
    return SileroNet() if config.voice is not None and config.voice.voice_activity == "silero" else None


def _voice_front_end(section: VoiceSection) -> VoiceFrontEndSettings:
    return VoiceFrontEndSettings(log_mel=LogMelSettings(mels=section.mels), voice_activity=section.voice_activity)


def _timing(config: Config) -> TimingSettings:
    return TimingSettings(**config.timing.model_dump())


def load_fusion(name: str = FUSION_MODEL, provider: Provider = "cpu") -> FusionModel:
    """A fusion as a session runs it. Raises ModelError where it does not fit."""
    return _runnable(name, _fusion_model(name, provider))


def _runnable(name: str, model: OnnxModel) -> FusionModel:
    """What runs: of the shipped fusion the compiled formulas, else the file itself."""
    return PrecisionFusion(model) if name == FUSION_MODEL else model


def _fusion_model(name: str, provider: Provider) -> OnnxModel:
    model = load_model(name, provider)
    metadata = model.metadata()
    if metadata.card.modality != "fusion":
        raise ModelError(f"{name} is a model for {metadata.card.modality}, expected one that fuses the experts.")
    if differences := differing_fields(metadata.contract, fusion_contract()):
        raise ModelError(f"{name} does not fit this version of streamsense: {'; '.join(differences)}.")
    if model.inputs.keys() != set(INPUTS):
        raise ModelError(f"{name} takes the inputs {', '.join(model.inputs)}; expected {', '.join(INPUTS)}.")
    for output, size in OUTPUTS.items():
        if model.outputs.get(output) != (size,):
            has = ", ".join(f"{one} {shape}" for one, shape in model.outputs.items())
            raise ModelError(
                f"{name} lacks the output {output} of shape ({size},) behind the batch axis; it has {has}. Export it "
                f"again with {', '.join(f'{one} ({length},)' for one, length in OUTPUTS.items())}; others are ignored."
            )
    return model


def _model_name(config: Config, modality: Modality) -> str:
    """The configured model; by default the one that was made for the features that the section asks for."""
    section = getattr(config, modality)
    if section.model is not None:
        return str(section.model)
    if modality == "voice":
        return "voice_knowledge" if section.voice_activity == "energy" else "voice_knowledge_silero"
    return "face_knowledge" if section.front_end == "mesh468_iris" else "face_knowledge_blendshapes"


def load_model(name: str, provider: Provider) -> OnnxModel:
    """A model by the name of a shipped one, or by the path of an .onnx file."""
    folder = shipped("models_onnx")
    path = Path(name) if name.endswith(".onnx") else folder / f"{name}.onnx"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.onnx")))
        raise ModelError(f"There is no model {name!r}. Shipped models: {known}. Or give the path of an .onnx file.")
    return OnnxModel(path, provider)
