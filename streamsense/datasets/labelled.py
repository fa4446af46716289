"""What every data set yields: one labelled recording after the other, opened only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.sources.recorded import Recording
from streamsense.streams import MODALITIES, Modality


@dataclass(frozen=True)
class LabelledRecording:
    """One recording of one person, and its labels.

    `person` tells people apart within `dataset`, `session` the days on which one came, `name` the recordings of a
    person, and `order` says in which order they were made. The recordings themselves are read by `open`, with the
    readers of live and replayed sessions, so that features made of them come from the same operators.
    """

    dataset: str
    person: str
    session: str
    name: str
    order: int
    labels: tuple[Label, ...]
    opens: Mapping[Modality, Callable[[], Recording]] = field(repr=False)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that were recorded, in the usual order."""
        return tuple(modality for modality in MODALITIES if modality in self.opens)

    def open(self, modality: Modality) -> Recording:
        """The recording of one modality, as a pipeline takes it. Its seconds are those of the labels.

        Raises DatasetError where the modality was not recorded, RecordingError where its file cannot be read.
        """
        if modality not in self.opens:
            raise DatasetError(
                f"{self.dataset} {self.name} has no {modality}. Found: {', '.join(self.modalities) or 'nothing'}. "
                "Choose one of these."
            )
        return self.opens[modality]()


@dataclass(frozen=True)
class Dataset:
    """A set of recordings that others publish: whose it is, what may be done with it, and how to read it.

    `missing` is what a user of its labels must know. `verified` says what of the layout was checked against real
    files, against the publishers' own description, or only against other programs that read it. `read` lists the
    recordings of a folder; it raises DatasetError at once where the folder is not laid out as published.
    """

    name: str
    citation: str
    licence: str
    missing: str
    verified: str
    read: Callable[[Path], Iterator[LabelledRecording]] = field(repr=False)

    def recordings(self, folder: Path | str) -> Iterator[LabelledRecording]:
        """The recordings in `folder`, by person and in their order, one at a time.

        Raises DatasetError where the folder is not there or laid out otherwise.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise DatasetError(
                f"There is no folder {folder}. Expected {self.name} as its publishers lay it out. It is not brought "
                f"along ({self.licence}): get it from them, unpack it, and give the folder. {self.citation}"
            )
        return self.read(folder)
