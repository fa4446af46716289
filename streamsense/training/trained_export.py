"""From a finished training to files that a session runs: experts, fusion, cards, and a configuration for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from streamsense.config import Config
from streamsense.errors import SinkError
from streamsense.models.fetch import write_whole
from streamsense.streams import MODALITIES
from streamsense.training.joint_export import export
from streamsense.training.joint_training import Watcher, targeted, train
from streamsense.training.run_folder import RunFolder
from streamsense.training.trained_cards import FUSION, cards

LIVE = "live.yaml"
_EXAMPLES = 64


def write_models(run: RunFolder, folder: Path, date: str, watcher: Watcher) -> dict[str, Path]:
    """Write each model of a finished training, and `live.yaml`; returns their paths, by modality and "fusion".

    Each is compared with the network (1e-5). Raises ConfigError where the training is not finished, SinkError where
    any of the files is there already, ModelError for a checkpoint that is damaged.
    """
    table = run.kept_table()
    trained = train(run, targeted(run.config, table), watcher)  # every fit is done, so it is only read
    made = cards(run, trained.network, len(trained.table), date)
    check_free(folder, [LIVE, *(f"{card.name}.onnx" for card in made.values())])
    fullest = np.argsort(-np.sum([part.presence for part in trained.table.modalities.values()], axis=0), kind="stable")
    examples = trained.table.take(fullest[:_EXAMPLES])
    contracts = {str(modality): contract for modality, contract in run.contracts.items()}
    paths = export(trained.network, examples, made, contracts, folder)
    write_whole(folder / LIVE, live_text(run.config.live_config(), paths).encode())
    return paths


def check_free(folder: Path, names: Iterable[str]) -> None:
    """Raise SinkError where the folder is none, or has one of these files."""
    if folder.exists() and not folder.is_dir():
        raise SinkError(f"{folder} is a file. Name a folder for the models.")
    taken = [name for name in names if (folder / name).exists()]
    if taken:
        raise SinkError(f"{folder / taken[0]} is there already and is not overwritten. Name another folder.")


def live_text(config: Config, paths: Mapping[str, Path]) -> str:
    """A configuration for `streamsense live` with these models and the features that they were trained with."""
    content: dict[str, Any] = config.model_dump(mode="json", exclude_defaults=True, exclude={*MODALITIES, "output"})
    for modality in MODALITIES:
        section = getattr(config, modality)
        if modality in paths and section is not None:
            own = section.model_dump(mode="json", exclude_defaults=True)
            content[modality] = {**own, "model": paths[modality].as_posix()}
    if FUSION in paths:
        content["fusion_model"] = paths[FUSION].as_posix()
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return (
        "# Your own models: streamsense live THIS_FILE. Paths are those from where the models were written.\n"
        "# Sources are the usual ones: name your own streams under `source`, as in the how-to.\n" + text
    )
