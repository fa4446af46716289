"""Whether int8 makes a trained expert faster, and what it costs: weights alone (dynamic), or all (static QDQ).

Each model is quantised with ONNX Runtime's own tools, calibrated on windows of some people and judged on those of
others. All three take turns on the same windows on one thread of one core, so that what else the machine does meets
them alike; ratios are of times in the same turn, with their quartiles. The people were in the models' training, so that
the quality itself means little here; how it changes does.

    python -m benchmarks.int8 DATA_FOLDER [--people 4] [--json]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from streamsense.config import Config, EegSection, VoiceSection
from streamsense.datasets.catalogue import recordings_of
from streamsense.datasets.sittings import sittings
from streamsense.errors import StreamsenseError
from streamsense.evaluation.metrics import roc_auc, unweighted_average_recall
from streamsense.evaluation.windows import LabelledWindow, at_end, labelled_windows, within
from streamsense.fusion.emotions import EMOTIONS
from streamsense.models.providers import open_session
from streamsense.resources import shipped
from streamsense.streams import Modality

BATCHES = (1, 8, 64)
ROUNDS = {1: 1000, 8: 400, 64: 80}
CALIBRATION_WINDOWS = 200
AROUSAL = 1
Inputs = dict[str, np.ndarray]
Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Task:
    """A trained expert, and the windows and the measure that it is judged by."""

    model: str
    dataset: str
    modality: Modality
    config: Config
    measure: str
    quality: Callable[[Outputs, list[str]], float]


def workload_auc(outputs: Outputs, labels: list[str]) -> float:
    """AUC of arousal, mental arithmetic against rest."""
    return roc_auc(np.array([label != "rest" for label in labels]).astype(int), outputs["vad_mean"][:, AROUSAL])


def emotion_recall(outputs: Outputs, labels: list[str]) -> float:
    """UAR of the largest logit, over windows whose emotion the mixture knows."""
    known = [index for index, label in enumerate(labels) if label in EMOTIONS]
    truth = np.array([EMOTIONS.index(labels[index]) for index in known])
    seen = np.unique(truth)
    return unweighted_average_recall(truth, seen[np.argmax(outputs["emotion_logits"][known][:, seen], axis=1)])


TASKS = (
    Task("eeg_workload", "eegmat", "eeg", Config(eeg=EegSection()), "AUC", workload_auc),
    Task("voice_emotion", "emodb", "voice", Config(voice=VoiceSection()), "UAR", emotion_recall),
)


@dataclass(frozen=True)
class Row:
    """One model, kind and batch size: the ratio of times to fp32's (median, quartiles), and what changed.

    `arousal_change` is the mean and the largest absolute difference from fp32's.
    """

    model: str
    kind: str
    bytes: int
    batch: int
    ratio: tuple[float, float, float]
    arousal_change: tuple[float, float]
    measure: str
    quality: float
    quality_fp32: float


class _Windows(CalibrationDataReader):
    def __init__(self, inputs: Inputs) -> None:
        self._each = iter([{name: value[i : i + 1] for name, value in inputs.items()} for i in range(_length(inputs))])

    def get_next(self) -> Inputs | None:
        return next(self._each, None)


def _length(inputs: Inputs) -> int:
    return len(next(iter(inputs.values())))


def windows(task: Task, data: Path, people: int) -> Iterator[tuple[str, LabelledWindow]]:
    """Whole windows of the first so many people, one a second, with whose they are; the first minute is left out."""
    choose = within if task.modality == "eeg" else at_end
    for person in islice(sittings(recordings_of(f"{task.dataset}:{data / task.dataset}"), task.modality), people):
        found = labelled_windows(person, task.modality, task.config, choose)
        for window in islice(found, None, None, 5):
            if window.window.end_s > 60 and window.feature.validity > 0.9:
                yield person.person, window


def stacked(found: list[LabelledWindow], names: list[str]) -> Inputs:
    return {name: np.stack([one.feature.inputs[name] for one in found]).astype(np.float32) for name in names}


def quantised(source: Path, folder: Path, calibration: Inputs) -> dict[str, Path]:
    """The model in both kinds of int8."""
    paths = {"dynamic": folder / "dynamic.onnx", "static": folder / "static.onnx"}
    prepared = folder / "prepared.onnx"
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_dynamic(prepared, paths["dynamic"], weight_type=QuantType.QInt8, per_channel=True)
    quantize_static(
        prepared, paths["static"], _Windows(calibration), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    return paths


def ratios(sessions: dict[str, onnxruntime.InferenceSession], inputs: Inputs, rounds: int) -> dict[str, np.ndarray]:
    """Times by fp32's in the same turn."""
    taken: dict[str, list[float]] = {kind: [] for kind in sessions}
    for _ in range(rounds // 10 + rounds):
        for kind, session in sessions.items():
            begin = perf_counter()
            session.run(None, inputs)
            taken[kind].append(perf_counter() - begin)
    times = {kind: np.array(each[rounds // 10 :]) for kind, each in taken.items()}
    return {kind: each / times["fp32"] for kind, each in times.items() if kind != "fp32"}


def rows(task: Task, data: Path, people: int) -> Iterator[Row]:
    source = shipped(f"models_onnx/{task.model}.onnx")
    fp32, _ = open_session(source, source.read_bytes(), "cpu")
    names = [value.name for value in fp32.get_inputs()]
    found = list(windows(task, data, people))
    whose = list(dict.fromkeys(person for person, _ in found))
    for_calibration = [window for person, window in found if person in whose[: len(whose) // 2]]
    judged = [window for person, window in found if person in whose[len(whose) // 2 :]]
    step = max(1, len(for_calibration) // CALIBRATION_WINDOWS)
    with tempfile.TemporaryDirectory() as folder:
        paths = quantised(source, Path(folder), stacked(for_calibration[::step], names))
        sessions = {"fp32": fp32} | {
            kind: open_session(path, path.read_bytes(), "cpu")[0] for kind, path in paths.items()
        }
        sizes = {kind: path.stat().st_size for kind, path in paths.items()}
    inputs = stacked(judged, names)
    labels = [window.label.emotion or window.label.name for window in judged]
    output_names = [value.name for value in fp32.get_outputs()]
    answers = {
        kind: dict(zip(output_names, session.run(None, inputs), strict=True)) for kind, session in sessions.items()
    }
    arousal = {kind: answer["vad_mean"][:, AROUSAL] for kind, answer in answers.items()}
    quality = {kind: task.quality(answer, labels) for kind, answer in answers.items()}
    for batch in BATCHES:
        some = {name: np.resize(value, (batch, *value.shape[1:])) for name, value in inputs.items()}
        for kind, ratio in ratios(sessions, some, ROUNDS[batch]).items():
            low, middle, high = np.percentile(ratio, [25, 50, 75]).tolist()
            apart = np.abs(arousal[kind] - arousal["fp32"])
            yield Row(
                task.model, kind, sizes[kind], batch, (middle, low, high), (float(apart.mean()), float(apart.max())),
                task.measure, quality[kind], quality["fp32"],
            )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the recordings")
    parser.add_argument("--people", type=int, default=4, help="of each set, half of them for calibration (2 or more)")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    asked = parser.parse_args()
    if asked.people < 2:
        parser.error("--people: expected 2 or more")
    logging.disable(logging.WARNING)  # the tools ask for the step that they were given
    try:
        found = [row for task in TASKS for row in rows(task, asked.data, asked.people)]
    except StreamsenseError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if asked.json:
        print(json.dumps([asdict(row) for row in found], indent=1))
        return 0
    print("| model | int8 | kB | batch | time by fp32's | arousal's change: mean, most | quality, fp32's |")
    print("|---|---|---|---|---|---|---|")
    for row in found:
        middle, low, high = row.ratio
        print(
            f"| {row.model} | {row.kind} | {row.bytes / 1e3:.0f} | {row.batch} | {middle:.2f} [{low:.2f}, {high:.2f}] "
            f"| {row.arousal_change[0]:.3f}, {row.arousal_change[1]:.3f} "
            f"| {row.measure} {row.quality:.3f}, {row.quality_fp32:.3f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
