"""A face-validity check of the ambivalence score: six acts of the simulated participant, and what is said of each.

It shows whether the score rises where it is meant to and stays low where it is meant to, on signals that were made for
it. It is no evidence of how well it tells ambivalence in people. Camera pictures, sound and EEG go through the real
edge, features, experts and fusion, in one process and faster than real time.

The simulated voice is a buzz in which no expert hears whether it is pleased or angry. So all is printed again with a
voice expert that is told the valence that is acted: that checks the formula alone, and was added after it was tuned.

Acts and thresholds were written before the formula was tuned. It was tuned on the seeds 0 to 2 (the order of the acts,
the noise, blinks and sway); `--seeds 10 11 12` are others.

    python -m benchmarks.ambivalence [--seeds 0 1 2] [--voice voice_emotion]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamsense.config import Config, parse_config
from streamsense.evaluation.floors import average_f1, trivial_floors
from streamsense.evaluation.metrics import roc_auc
from streamsense.face.edge import FaceEdge
from streamsense.features.face_vector import face_vector_labels, face_vector_units
from streamsense.fusion.ambivalence import Parts
from streamsense.fusion.bivalence import griffin
from streamsense.fusion.combination import Fusion, FusionModel, Opinion
from streamsense.fusion.hesitancy import NAMES
from streamsense.models.catalogue import model_files
from streamsense.models.expert import Expert
from streamsense.pipeline import START, Pipeline
from streamsense.runtime.assembly import FUSION_MODEL, build_replay_pipeline, feature_operators, front_ends, load_model
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
TOLD_SD = 0.5
"""How surely the voice expert that is told the acted valence hears it."""
_ACTED = "voice_valence"
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
    _, described = build_replay_pipeline(config)
    experts = {
        modality: Expert(
            load_model(described[f"{modality}_model"].rpartition(" ")[0], "cpu"), modality, operator.contract()
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


def told(said: Sequence[Heard]) -> list[Heard]:
    """The same with a voice expert that hears the valence that is acted, as surely as a trained one would."""
    rows = []
    for one in said:
        heard_voice = one.opinions["voice"]
        if heard_voice.presence and heard_voice.cues["voiced_fraction"] > 0:
            (valence,) = acts_in_order(one.seed).tracks(np.array([heard_voice.effective_time - _BEGIN]), (_ACTED,))
            mean, spread = heard_voice.vad_mean.copy(), heard_voice.vad_log_variance.copy()
            mean[0], spread[0] = float(valence[0]), 2 * np.log(TOLD_SD)
            evidence = np.maximum(heard_voice.vad_evidence, (1.0, 0.0, 0.0))
            heard_voice = replace(heard_voice, vad_mean=mean, vad_log_variance=spread, vad_evidence=evidence)
        rows.append(replace(one, opinions={**one.opinions, "voice": heard_voice}))
    return rows


def scored(said: Sequence[Heard], without: str = "") -> np.ndarray:
    """Score, discord, both indices of bivalence, and hesitancy of each tick (n, 5), from one fusion for each seed.

    The cue or part `without` says nothing.
    """
    model, rows = load_model(FUSION_MODEL, "cpu"), []
    for seed in dict.fromkeys(one.seed for one in said):
        fusion = Without(model, without)
        for one in said:
            if one.seed == seed:
                score = fusion.step(one.opinions, one.time)[SCORE_LABELS.index("ambivalence")]
                parts = fusion.parts
                rows.append([score, parts.discord, parts.bivalence, _griffin(parts), parts.hesitancy])
    return np.array(rows)


def _griffin(parts: Parts) -> float:
    return griffin(parts.positive, parts.negative)


class Without(Fusion):
    """The fusion, with one cue or part that says nothing."""

    def __init__(self, model: FusionModel, what: str) -> None:
        super().__init__(model)
        self._what = what

    def _parts(self, *given: Any) -> Parts:
        parts = super()._parts(*given)
        if self._what in NAMES:
            return replace(parts, cues=np.where(np.array(NAMES) == self._what, 0.0, parts.cues))
        if self._what == "hesitancy":
            return replace(parts, cues=np.zeros(len(NAMES)))
        gone = {"discord": ("discord",), "bivalence": ("positive", "negative"), "": ()}[self._what]
        return replace(parts, **dict.fromkeys(gone, 0.0))


def print_acts(said: Sequence[Heard], values: np.ndarray) -> bool:
    """The table of the acts, and whether all are as they should be."""
    acts, right = np.array([one.act for one in said]), True
    print("| act | ambivalence | 10 % | 90 % | discord | bivalence | (Griffin's) | hesitancy | expected | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for state in ACTS:
        rows = values[acts == state.name]
        mean = rows.mean(axis=0)
        wanted = mean[0] > HIGH if state.ambivalence > 0 else mean[0] < LOW
        right &= bool(wanted)
        numbers = (mean[0], *np.quantile(rows[:, 0], (0.1, 0.9)), *mean[1:])
        print(
            f"| {state.name} | {' | '.join(f'{number:.2f}' for number in numbers)} "
            f"| {f'above {HIGH}' if state.ambivalence > 0 else f'below {LOW}'} | {'as expected' if wanted else 'NOT'} |"
        )
    return right


def print_ablations(said: Sequence[Heard], each: Sequence[str] = ("discord", "bivalence", "hesitancy", *NAMES)) -> None:
    """What the acts' means, the area and the average F1 are without each part and cue."""
    acts = np.array([one.act for one in said])
    whole = scored(said)
    print(f"\n| without | {' | '.join(state.name for state in ACTS)} | AUC | average F1 |")
    print("|---|" + "---|" * (len(ACTS) + 2))
    silent = []
    for what in ("", *each):
        values = scored(said, what) if what else whole
        if what in NAMES and np.array_equal(values[:, 0], whole[:, 0]):
            silent.append(what)
            continue
        means = [f"{values[acts == state.name, 0].mean():.2f}" for state in ACTS]
        _, area, f1 = separation(said, values)
        print(f"| {what or 'nothing'} | {' | '.join(means)} | {area:.3f} | {f1:.3f} |")
    print(f"\nWithout effect, because these acts do not show them: {', '.join(silent) or 'none'}.")


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
    said = [one for seed in options.seeds for one in heard(seed, config)]
    print(f"A face-validity check, seeds {', '.join(map(str, options.seeds))}; voice {options.voice or 'by default'}\n")
    right = print_all(said)
    print("\nThe same with a voice expert that is told the valence that is acted, since none hears it in this voice:\n")
    print_all(told(said))
    return 0 if right else 1


def print_all(said: Sequence[Heard]) -> bool:
    """The acts, how well they are told apart, and the ablations; whether every threshold holds."""
    values = scored(said)
    right = print_acts(said, values)
    truth, area, f1 = separation(said, values)
    floors = trivial_floors(truth)
    print(
        f"\nAUC {area:.3f} (expected {LEAST_AUC} or more); average F1 {f1:.3f}, floors: never {floors.always_0:.3f}, "
        f"always {floors.always_1:.3f}, by chance {floors.prevalence:.3f}"
    )
    print_ablations(said)
    return right and area >= LEAST_AUC


if __name__ == "__main__":
    sys.exit(main())
