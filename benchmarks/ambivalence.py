"""A face-validity check of the ambivalence score: six acts of the simulated participant, and what is said of each.

It shows whether the score rises where it is meant to and stays low where it is meant to, on signals that were made for
it. It is no evidence of how well it tells ambivalence in people. Camera pictures, sound and EEG go through the real
edge, features, experts and fusion, in one process and faster than real time.

Acts and thresholds were written before the formula was tuned. It was tuned on the seeds 0 to 2 (the order of the acts,
the noise, blinks and sway); `--seeds 10 11 12` are others.

    python -m benchmarks.ambivalence [--seeds 0 1 2] [--voice voice_emotion]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.config import Config, parse_config
from streamsense.evaluation.floors import average_f1, trivial_floors
from streamsense.evaluation.metrics import roc_auc
from streamsense.face.edge import FaceEdge
from streamsense.features.face_vector import face_vector_labels, face_vector_units
from streamsense.fusion.combination import Fusion, FusionModel, Opinion
from streamsense.models.catalogue import model_files
from streamsense.models.expert import Expert
from streamsense.pipeline import START, Pipeline
from streamsense.runtime.assembly import FUSION_MODEL, build_pipeline, feature_operators, front_ends, load_model
from streamsense.score import SCORE_LABELS
from streamsense.sources.simulator import Participant, eeg, face, voice
from streamsense.sources.simulator.frames import FrameReader
from streamsense.sources.simulator.scripts import ACTS, acts_in_order
from streamsense.streams import Block, Control, Kind, Modality, StreamInfo, StreamOpened
from streamsense.ticks import HOP_S

SEEDS = (0, 1, 2)
HIGH, LOW = 0.5, 0.3
"""The mean of an ambivalent act must lie above HIGH, that of any other act below LOW."""
LEAST_AUC = 0.9
"""Of the ticks of ambivalent acts against those of the others."""
CALLED_AT = 0.5
"""A tick is called ambivalent from this score on, for the average F1."""
SETTLED_S = 5.0
"""Of each act the first seconds are not looked at: windows reach back so far."""
PARTS = ("ambivalence", "discord", "bivalence", "hesitancy")
_BEGIN = 1000.0


@dataclass(frozen=True)
class Heard:
    """What the experts said at one tick; `act` is empty between acts and while an act begins."""

    seed: int
    act: str
    time: float
    opinions: Mapping[Modality, Opinion]


class Listening(Fusion):
    """The fusion, which keeps what it was told."""

    def __init__(self, model: FusionModel) -> None:
        super().__init__(model)
        self.told: list[tuple[float, dict[Modality, Opinion]]] = []

    def step(self, opinions: Mapping[Modality, Opinion], tick_time: float) -> np.ndarray:
        self.told.append((tick_time, dict(opinions)))
        return super().step(opinions, tick_time)


def settings_of(voice_model: str | None) -> Config:
    """The three modalities as the demo has them."""
    return parse_config({"eeg": {}, "face": {}, "voice": {"model": voice_model}, "provider": "cpu"}, "the benchmark")


def heard(seed: int, config: Config) -> list[Heard]:
    """The opinions at each tick of the acts in the order of `seed`."""
    script = acts_in_order(seed)
    participant = Participant(script, seed)
    operators = feature_operators(config)
    defaults = {"eeg": "eeg_knowledge", "face": "face_knowledge", "voice": "voice_knowledge"}
    experts = {
        modality: Expert(
            load_model(getattr(config, modality).model or defaults[modality], "cpu"), modality, operator.contract()
        )
        for modality, operator in operators.items()
    }
    fusion = Listening(load_model(FUSION_MODEL, "cpu"))
    pipeline = Pipeline(operators, experts, fusion, fronts=front_ends(config, None))
    play(participant, pipeline, script.duration_s)
    return [Heard(seed, act_at(participant, time - _BEGIN), time, opinions) for time, opinions in fusion.told]


def play(participant: Participant, pipeline: Pipeline, seconds: float) -> None:
    """Push the participant's signals hop by hop, as they would arrive, and score each tick."""
    labels, units = face_vector_labels("mesh468_iris"), face_vector_units("mesh468_iris")
    streams = (
        _info("eeg", eeg.LABELS, (eeg.UNIT,) * len(eeg.LABELS), eeg.RATE_HZ),
        _info("voice", (voice.LABEL,), (voice.UNIT,), voice.RATE_HZ),
        _info("face", labels, units, 0.0),
    )
    rates = (eeg.RATE_HZ, voice.RATE_HZ, face.RATE_HZ)
    readers = [FrameReader(eeg.EegMaker(participant)), FrameReader(voice.VoiceMaker(participant))]
    edge, drawn = FaceEdge("mesh468_iris", model_files("mesh468_iris")), face.Face()
    sent = [0, 0, 0]
    for info in streams:
        pipeline.push(StreamOpened(info, _BEGIN))
    pipeline.push(Control(START, "", _BEGIN))
    for hop in range(1, round(seconds / HOP_S) + 1):
        now = _BEGIN + hop * HOP_S
        for place, (info, rate_hz) in enumerate(zip(streams, rates, strict=True)):
            due = int(hop * HOP_S * rate_hz + 1e-6)
            if info.key == "face":
                places = [number / rate_hz for number in range(sent[place], due)]
                values = np.array([edge.process(drawn.picture(participant.face_at(at))) for at in places])
            else:
                values = readers[place].read(due - sent[place])
            stamps = _BEGIN + np.arange(sent[place], due) / rate_hz
            pipeline.push(Block(info.key, sent[place], stamps, values, now))
            sent[place] = due
        pipeline.advance(now)


def _info(kind: Kind, labels: Sequence[str], units: Sequence[str], rate_hz: float) -> StreamInfo:
    return StreamInfo(kind, kind, kind, kind, kind, tuple(labels), tuple(units), rate_hz, "float32")


def act_at(participant: Participant, since: float) -> str:
    """The act that is on, `since` seconds after the beginning, once it has settled; else nothing."""
    script, index = participant.script, 0
    while index + 1 < len(script.states) and script.beginning(index + 1)[0] <= since:
        index += 1
    begins, state = script.beginning(index)
    return state.name if state in ACTS and since >= begins + SETTLED_S else ""


def scored(said: Sequence[Heard], without: str = "") -> np.ndarray:
    """PARTS of each tick (n, 4), from one fusion for each seed; the cue `without` is taken away from all."""
    model, rows = load_model(FUSION_MODEL, "cpu"), []
    columns = [SCORE_LABELS.index(part) for part in PARTS]
    for seed in dict.fromkeys(one.seed for one in said):
        fusion, of_seed = Fusion(model), [one for one in said if one.seed == seed]
        rows += [fusion.step(_without(one.opinions, without), one.time)[columns] for one in of_seed]
    return np.array(rows)


def _without(opinions: Mapping[Modality, Opinion], cue: str) -> dict[Modality, Opinion]:
    return {
        modality: Opinion(**{**vars(one), "cues": {name: level for name, level in one.cues.items() if name != cue}})
        for modality, one in opinions.items()
    }


def print_acts(said: Sequence[Heard], values: np.ndarray) -> bool:
    """The table of the acts, and whether all are as they should be."""
    acts, right = np.array([one.act for one in said]), True
    print("| act | ambivalence | 10 % | 90 % | discord | bivalence | hesitancy | expected | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for state in ACTS:
        rows = values[acts == state.name]
        mean = rows.mean(axis=0)
        wanted = mean[0] > HIGH if state.ambivalence > 0 else mean[0] < LOW
        right &= bool(wanted)
        low, high = np.quantile(rows[:, 0], (0.1, 0.9))
        print(
            f"| {state.name} | {mean[0]:.2f} | {low:.2f} | {high:.2f} | {mean[1]:.2f} | {mean[2]:.2f} | {mean[3]:.2f} "
            f"| {f'above {HIGH}' if state.ambivalence > 0 else f'below {LOW}'} | {'as expected' if wanted else 'NOT'} |"
        )
    return right


def separation(said: Sequence[Heard], values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Whether each tick of an act is of an ambivalent one, the area under the curve, and the average F1."""
    ambivalent = {state.name for state in ACTS if state.ambivalence > 0}
    within = np.array([bool(one.act) for one in said])
    truth = np.array([int(one.act in ambivalent) for one in said if one.act])
    score = values[within, 0]
    return truth, roc_auc(truth, score), average_f1(truth, (score >= CALLED_AT).astype(int))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0 where every threshold holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ambivalence", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="orders and noises (default: %(default)s)")
    parser.add_argument("--voice", help="the voice's model (default: the shipped default)")
    options = parser.parse_args(arguments)
    config = settings_of(options.voice)
    build_pipeline(config)  # compiles what has to be
    said = [one for seed in options.seeds for one in heard(seed, config)]
    values = scored(said)
    print(f"A face-validity check, seeds {', '.join(map(str, options.seeds))}; voice {options.voice or 'by default'}\n")
    right = print_acts(said, values)
    truth, area, f1 = separation(said, values)
    floors = trivial_floors(truth)
    print(
        f"\nAUC {area:.3f} (expected {LEAST_AUC} or more); average F1 {f1:.3f}, floors: never {floors.always_0:.3f}, "
        f"always {floors.always_1:.3f}, by chance {floors.prevalence:.3f}"
    )
    return 0 if right and area >= LEAST_AUC else 1


if __name__ == "__main__":
    sys.exit(main())
