"""Where recordings lie, as a user writes it: `eegmat:FOLDER`, or `lab:FOLDER` for a lab's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from streamsense.datasets.catalogue import DATASETS
from streamsense.datasets.lab_labels import RatingLabels
from streamsense.datasets.lab_sessions import lab_sessions
from streamsense.datasets.label_file import read_label_source
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.evaluation.as_live import LAB
from streamsense.evaluation.evaluating import Place
from streamsense.sources.recorded import Recording


class NoLabels:
    """A lab's sessions without labels: outputs are computed, and there are no figures."""

    of_instants: ClassVar[bool] = False

    def labels(self, recording: Recording) -> tuple[Label, ...]:  # noqa: ARG002
        """None."""
        return ()


def place_of(text: str, labels: Path | None) -> Place:
    """The place that `NAME:FOLDER` names. Raises DatasetError for an unknown set, or labels that are not its."""
    name, colon, folder = text.partition(":")
    if not colon or not folder or name not in (LAB, *DATASETS):
        raise DatasetError(
            f"--data was {text!r}, which is no set of recordings. Expected NAME:FOLDER with one of {LAB}, "
            f"{', '.join(DATASETS)}."
        )
    if name != LAB:
        if labels is not None:
            raise DatasetError(f"--labels was given for {name}, which has its own. Leave it out, or use {LAB}:FOLDER.")
        return Place(DATASETS[name], Path(folder))
    if labels is None:
        missing = "No --labels were given, so there are outputs and no figures."
        return Place(replace(lab_sessions(NoLabels()), missing=missing), Path(folder))
    source = read_label_source(labels)
    if isinstance(source, RatingLabels) and source.delay_s is None:
        raise DatasetError(
            f"{labels} has `delay: find`, and the delay of ratings may only be found on people whom a model is trained "
            "on. Expected the delay in s that the training found."
        )
    return Place(lab_sessions(source), Path(folder))
