"""The options with which a user says what a recording's streams are, and the settings to read it with."""

from __future__ import annotations

from typing import Annotated

import typer

from streamsense.cli.live import find_config
from streamsense.config import Config, EegSection, load_config
from streamsense.errors import ConfigError
from streamsense.streams import Modality

EegOption = Annotated[str | None, typer.Option(help="Name, source id or number of the EEG stream.")]
ElectrodesOption = Annotated[
    str | None, typer.Option(help="Electrodes of channels that are called otherwise: ExG1=Fp1,ExG2=Fpz,…")
]
FaceOption = Annotated[str | None, typer.Option(help="Name, source id or number of the face stream.")]
VoiceOption = Annotated[str | None, typer.Option(help="Name, source id or number of the sound stream.")]


def named_streams(eeg: str | None, face: str | None, voice: str | None) -> dict[Modality, str]:
    """The streams that the options name, by modality."""
    asked: dict[Modality, str | None] = {"eeg": eeg, "face": face, "voice": voice}
    return {modality: name for modality, name in asked.items() if name is not None}


def chosen_settings(config: str | None, electrodes: str | None) -> Config | None:
    """The configuration of this name or path, with the electrodes of `LABEL=NAME,…`; None where neither was given."""
    settings = load_config(find_config(config)) if config else None
    return settings if electrodes is None else _with_electrodes(settings, electrodes)


def _with_electrodes(config: Config | None, text: str) -> Config:
    """The configuration, or that of everything that there is, with the electrode names of `LABEL=NAME,…`."""
    from streamsense.runtime.recorded_session import EVERYTHING

    config = config or EVERYTHING
    pairs = [part.strip().split("=") for part in text.split(",") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ConfigError(f"--electrodes was {text!r}, expected pairs such as ExG1=Fp1,ExG2=Fpz.")
    eeg = (config.eeg or EegSection()).model_copy(update={"electrodes": dict(pairs)})
    return config.model_copy(update={"eeg": eeg})
