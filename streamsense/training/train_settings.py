"""What is trained on what, and how it is tested: the settings of `streamsense train`, validated once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from streamsense.config import Config, load_config, parse_config
from streamsense.datasets.catalogue import DATASETS
from streamsense.datasets.lab_labels import LabelSource
from streamsense.datasets.lab_sessions import lab_sessions
from streamsense.datasets.label_file import LabelFile, read_label_source
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.sittings import sittings
from streamsense.errors import ConfigError
from streamsense.fusion.emotions import EMOTIONS
from streamsense.settings_file import Section, load_settings, parse_settings
from streamsense.streams import MODALITIES, Modality
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

LAB = "lab"
_Dimension = Literal["valence", "arousal", "dominance"]
_Emotion = Annotated[str, Field(pattern="^(" + "|".join(EMOTIONS) + ")$")]


class DataSection(Section):
    """One set of recordings: a published one by its name, or `lab` for one's own, with where their labels are."""

    set: str
    folder: Path
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    labels: Path | dict[str, Any] | None = None
    """For `lab`: the file that describes the labels, or its content."""
    joined: bool = False
    """A person's clips played one after the other, so that what is learned of the person carries over."""

    @model_validator(mode="after")
    def _known(self) -> DataSection:
        if self.set not in (LAB, *DATASETS):
            raise ValueError(f"there is no set {self.set!r}; expected {LAB} or one of {', '.join(DATASETS)}")
        if (self.set == LAB) != (self.labels is not None):
            raise ValueError(f"labels are {'needed for' if self.set == LAB else 'brought along by'} the set {self.set}")
        if isinstance(self.labels, dict):
            self.label_source()
        return self

    @property
    def called(self) -> str:
        """The set's name in windows, splits and reports."""
        return self.name or self.set

    def label_source(self) -> LabelSource | None:
        """Where a lab's labels are; None for a published set. Raises ConfigError for a file that says it wrongly."""
        if isinstance(self.labels, dict):
            return parse_settings(LabelFile, self.labels, f"The labels of the set {self.called}").source()
        return None if self.labels is None else read_label_source(self.labels)

    def dataset(self) -> Dataset:
        """How it is read."""
        source = self.label_source()
        return DATASETS[self.set] if source is None else lab_sessions(source)

    def recordings(self, modalities: Sequence[Modality]) -> Iterator[LabelledRecording]:
        """Its recordings with their set's name. Raises StreamsenseError where folder or labels are not as expected."""
        found = self.dataset().recordings(self.folder)
        if self.joined:
            if len(modalities) > 1:
                raise ConfigError(
                    f"The set {self.called} is to be joined, which one modality can be and {', '.join(modalities)} "
                    "together cannot. Train one of them, or leave `joined` out."
                )
            found = sittings(found, modalities[0])
        return (replace(recording, dataset=self.called) for recording in found)


class TargetSection(Section):
    """What is learned: dimensions from ratings, emotions from raters' shares."""

    dimensions: tuple[_Dimension, ...] = ()
    emotions: tuple[_Emotion, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> TargetSection:
        if not (self.dimensions or self.emotions):
            raise ValueError("expected dimensions, emotions, or both")
        if len(self.emotions) == 1:
            raise ValueError("one emotion alone cannot be told from another; name two or more")
        return self


class FittingSection(Section):
    """How the networks are fitted (see `training.joint_fitting`); `most_steps` bounds the epochs of a large table."""

    epochs: int = Field(default=30, ge=1, le=10_000)
    batch_size: int = Field(default=64, ge=1, le=100_000)
    learning_rate: float = Field(default=2e-3, ge=1e-5, lt=1.0)
    weight_decay: float = Field(default=0.02, ge=0.0, lt=1.0)
    modality_dropout: float = Field(default=0.25, ge=0.0, lt=1.0)
    most_steps: int = Field(default=6000, ge=1, le=10_000_000)


class NetworkSection(Section):
    """How large the networks are: RBTransformer of the EEG, the temporal nets of face and voice, the gate."""

    eeg_width: int = Field(default=32, ge=4, le=256)
    eeg_depth: int = Field(default=2, ge=1, le=8)
    temporal_width: int = Field(default=16, ge=1, le=512)
    gate_width: int = Field(default=16, ge=1, le=512)


class CardSection(Section):
    """What only the makers can say of their model. Without a licence nobody may use it, so it has to be given."""

    licence: str = Field(min_length=1, max_length=500, pattern=r"\S")
    attribution: str = Field(default="", max_length=20_000)
    description: str = Field(default="", max_length=20_000)
    limits: tuple[Annotated[str, Field(max_length=20_000)], ...] = ()


class TrainConfig(Section):
    """One training. `features` is a live configuration whose features are used; each has its defaults without one."""

    name: str = Field(default="own", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")
    data: Annotated[tuple[DataSection, ...], Field(min_length=1, max_length=100)]
    modalities: Annotated[tuple[Modality, ...], Field(min_length=1)] = MODALITIES
    features: Path | None = None
    targets: TargetSection = TargetSection(dimensions=("valence", "arousal"))
    protocol: Literal["person", "trial", "corpus"] = "person"
    folds: int | None = Field(default=None, ge=2, le=1000)
    hop_s: float = Field(default=0.2, ge=HOP_S, le=60.0, multiple_of=HOP_S)
    seed: int = Field(default=23, ge=0, lt=2**31)
    fitting: FittingSection = FittingSection()
    network: NetworkSection = NetworkSection()
    card: CardSection

    @model_validator(mode="after")
    def _fit_each_other(self) -> TrainConfig:
        names = [one.called for one in self.data]
        if len(set(names)) != len(names):
            raise ValueError(f"two sets are called {max(names, key=names.count)!r}; give each a name of its own")
        if len(set(self.modalities)) != len(self.modalities):
            raise ValueError(f"modalities are {', '.join(self.modalities)}; name each once")
        if self.protocol == "corpus" and (self.folds is not None or len(self.data) < 2):
            raise ValueError("the protocol corpus holds each set out in turn: name two sets or more, and no folds")
        if self.protocol == "trial" and self.folds is None:
            raise ValueError("the protocol trial needs folds: into how many parts each person's trials are split")
        return self

    @property
    def hop_ticks(self) -> int:
        """How many ticks lie between two that are learned from."""
        return round(self.hop_s * TICKS_PER_SECOND)

    def live_config(self) -> Config:
        """The configuration of the features: only the modalities that are trained, whatever models it names."""
        given = parse_config({}, "no features") if self.features is None else load_config(self.features)
        sections: dict[str, object] = {}
        for modality in MODALITIES:
            section = getattr(given, modality)
            if modality not in self.modalities:
                sections[modality] = None
            elif section is None:
                if self.features is not None:
                    raise ConfigError(f"{self.features} has no section {modality}, which is trained. Add it there.")
                sections[modality] = getattr(parse_config({modality: {}}, "the default"), modality)
        return given.model_copy(update=sections)


def load_training(path: Path) -> TrainConfig:
    """Read a YAML file. Raises ConfigError saying what is wrong and, for a key, the nearest right one."""
    return load_settings(TrainConfig, path, "The training")
