"""A face-validity check of the ambivalence score: acts of the simulated participant, and what is said of each.

It shows whether the score rises where it is meant to and stays low where it is meant to, on signals that were made for
it. It is no evidence of how well it tells ambivalence in people. Camera pictures, sound and EEG go through the real
edge, features, experts and fusion, in one process and faster than real time.

First the default experts on a wholly simulated participant. Its voice is a buzz, and the default voice expert hears no
valence in any voice: an act that lies in the valence of the voice cannot be told by them, which is said each time.

Then all is shown where the voice's valence is heard. With `--data` (the folder that holds emodb/) the participant
speaks with recorded sentences of the acted emotion, and the voice expert is the trained one, trained without this
speaker. Without it the voice expert is told the valence that is acted, which checks the formula alone.

The acts and thresholds were written before the formula was tuned. It was tuned on the seeds 0 to 3 (the order of the
acts, the noise, blinks, sway, and in the recorded voice the speakers 08, 11, 13 and 15, at whom the voice expert was
chosen too). The default seeds 10 to 13, with the speakers 10, 12, 14 and 16, were looked at afterwards.

    python -m benchmarks.ambivalence [--data FOLDER] [--seeds 10 11 12 13] [--voice voice_emotion] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import signal

from benchmarks.ambivalence_scores import (
    LEAST_AUC,
    Heard,
    ablation_rows,
    act_rows,
    cue_rows,
    lines,
    scored,
    separation,
)
from streamsense.arrays import Float32Array
from streamsense.config import Config, parse_config
from streamsense.errors import StreamsenseError
from streamsense.face.edge import FaceEdge
from streamsense.features.face_vector import face_vector_labels, face_vector_units
from streamsense.fusion.combination import Fusion, FusionModel, Opinion
from streamsense.models.catalogue import model_files
from streamsense.models.expert import Expert
from streamsense.pipeline import START, Pipeline
from streamsense.runtime.assembly import build_replay_pipeline, feature_operators, front_ends, load_fusion, load_model
from streamsense.sources.simulator import Participant, eeg, face, voice
from streamsense.sources.simulator.frames import FrameMaker, FrameReader
from streamsense.sources.simulator.further_acts import FURTHER_ACTS, cue_acts_in_order, further_acts_in_order
from streamsense.sources.simulator.recorded_voice import RecordedVoiceMaker
from streamsense.sources.simulator.script import Script
from streamsense.sources.simulator.scripts import acts_in_order
from streamsense.streams import Block, Control, Kind, Modality, StreamInfo, StreamOpened
from streamsense.ticks import HOP_S

SEEDS = (10, 11, 12, 13)
PAIRS: Final = (("08", "11"), ("13", "15"), ("10", "12"), ("14", "16"))
"""Speakers that are left out of the voice expert's training together."""
SPEAKERS: Final = {0: "08", 1: "11", 2: "13", 3: "15", 10: "10", 11: "12", 12: "14", 13: "16"}
"""Whose voice a seed has; the others take turns."""
VOICED: Final = ("smile with angry voice", "smile over sorrow")
"""The acts that lie in the valence of the voice."""
UNSEEN: Final = {"lip_press": "pressed lips are not seen in a photograph that is warped: the mesh closes them only"}
"""Cues that the simulated participant cannot show, and why."""
SETTLED_S, CUE_SETTLED_S = 5.0, 6.0
"""Of each act the first seconds are not looked at: windows reach back so far."""
TOLD_SD = 0.5
"""How surely the voice expert that is told the acted valence hears it."""
_ACTED = "voice_valence"
_BEGIN = 1000.0
_RATES = (eeg.RATE_HZ, voice.RATE_HZ, face.RATE_HZ)


class Listening(Fusion):
    """The fusion, which keeps what it was told."""

    def __init__(self, model: FusionModel) -> None:
        super().__init__(model)
        self.told: list[tuple[float, dict[Modality, Opinion]]] = []

    def step(
        self, opinions: Mapping[Modality, Opinion], tick_time: float, language: Mapping[str, float] | None = None
    ) -> np.ndarray:
        self.told.append((tick_time, dict(opinions)))
        return super().step(opinions, tick_time, language)


@dataclass(frozen=True)
class Speaker:
    """Recorded sentences by emotion, (n,) at the simulator's rate, and a voice expert that never heard the speaker."""

    name: str
    sentences: Mapping[str, Sequence[Float32Array]]
    model: Path


def settings_of(voice_model: str | None) -> Config:
    """The three modalities as the demo has them."""
    return parse_config({"eeg": {}, "face": {}, "voice": {"model": voice_model}, "provider": "cpu"}, "the benchmark")


def seen(participant: Participant) -> Float32Array:
    """The face vectors (frames, channels) of one run of the participant's script."""
    edge, drawn = FaceEdge("mesh468_iris", model_files("mesh468_iris")), face.Face()
    places = np.arange(int(participant.script.duration_s * face.RATE_HZ)) / face.RATE_HZ
    return np.array([edge.process(drawn.picture(participant.face_at(at))) for at in places.tolist()])


def heard(
    script: Script,
    seed: int,
    faces: Float32Array,
    config: Config,
    speaker: Speaker | None = None,
    settled_s: float = SETTLED_S,
) -> list[Heard]:
    """The opinions at each tick of a script, by the participant of that seed, who buzzes or has a speaker's voice."""
    participant = Participant(script, seed)
    operators = feature_operators(config)
    _, described = build_replay_pipeline(config)
    models = {modality: described[f"{modality}_model"].rpartition(" ")[0] for modality in operators}
    sound: FrameMaker = voice.VoiceMaker(participant)
    if speaker is not None:
        models["voice"], sound = str(speaker.model), RecordedVoiceMaker(participant, speaker.sentences)
    experts = {
        modality: Expert(load_model(models[modality], "cpu"), modality, operator.contract())
        for modality, operator in operators.items()
    }
    fusion = Listening(load_fusion())
    pipeline = Pipeline(operators, experts, fusion, fronts=front_ends(config, None))
    play(pipeline, (eeg.EegMaker(participant), sound), faces, script.duration_s)
    return [Heard(seed, act_at(script, time - _BEGIN, settled_s), time, opinions) for time, opinions in fusion.told]


def play(pipeline: Pipeline, makers: tuple[FrameMaker, FrameMaker], faces: Float32Array, seconds: float) -> None:
    """Push EEG, voice and face vectors hop by hop, as they would arrive, and score each tick."""
    labels, units = face_vector_labels("mesh468_iris"), face_vector_units("mesh468_iris")
    streams = (
        _info("eeg", eeg.LABELS, (eeg.UNIT,) * len(eeg.LABELS), eeg.RATE_HZ),
        _info("voice", (voice.LABEL,), (voice.UNIT,), voice.RATE_HZ),
        _info("face", labels, units, 0.0),
    )
    readers, sent = [FrameReader(maker) for maker in makers], [0, 0, 0]
    for info in streams:
        pipeline.push(StreamOpened(info, _BEGIN))
    pipeline.push(Control(START, "", _BEGIN))
    for hop in range(1, round(seconds / HOP_S) + 1):
        now = _BEGIN + hop * HOP_S
        for place, (info, rate_hz) in enumerate(zip(streams, _RATES, strict=True)):
            due = int(hop * HOP_S * rate_hz + 1e-6)
            values = faces[sent[place] : due] if info.key == "face" else readers[place].read(due - sent[place])
            stamps = _BEGIN + np.arange(sent[place], sent[place] + len(values)) / rate_hz
            pipeline.push(Block(info.key, sent[place], stamps, values, now))
            sent[place] = due
        pipeline.advance(now)


def _info(kind: Kind, labels: Sequence[str], units: Sequence[str], rate_hz: float) -> StreamInfo:
    return StreamInfo(kind, kind, kind, kind, kind, tuple(labels), tuple(units), rate_hz, "float32")


def act_at(script: Script, since: float, settled_s: float = SETTLED_S) -> str:
    """The state that is on, `since` seconds after the beginning, once it has settled; else nothing."""
    index = 0
    while index + 1 < len(script.states) and script.beginning(index + 1)[0] <= since:
        index += 1
    begins, state = script.beginning(index)
    return state.name if since >= begins + settled_s else ""


def told(said: Sequence[Heard], script_of: Callable[[int], Script] = acts_in_order) -> list[Heard]:
    """The same with a voice expert that hears the valence that is acted, as surely as a trained one would."""
    rows = []
    for one in said:
        heard_voice = one.opinions["voice"]
        if heard_voice.presence and heard_voice.cues["voiced_fraction"] > 0:
            (valence,) = script_of(one.seed).tracks(np.array([heard_voice.effective_time - _BEGIN]), (_ACTED,))
            mean, spread = heard_voice.vad_mean.copy(), heard_voice.vad_log_variance.copy()
            mean[0], spread[0] = float(valence[0]), 2 * np.log(TOLD_SD)
            evidence = np.maximum(heard_voice.vad_evidence, (1.0, 0.0, 0.0))
            heard_voice = replace(heard_voice, vad_mean=mean, vad_log_variance=spread, vad_evidence=evidence)
        rows.append(replace(one, opinions={**one.opinions, "voice": heard_voice}))
    return rows


def speaker_of(seed: int, data: Path) -> Speaker:
    """Whose voice the seed has, and an expert that was trained without (minutes, once). Raises StreamsenseError."""
    import benchmarks.needs_training  # noqa: F401
    from streamsense.training.held_out_experts import held_out_voice
    from streamsense.training.voice_clips import LABELS, emodb_clips

    name = SPEAKERS.get(seed, list(SPEAKERS.values())[4 + seed % 4])
    clips = emodb_clips(data / "emodb" if (data / "emodb").is_dir() else data)
    sentences: dict[str, list[Float32Array]] = {}
    for clip in clips:
        if clip.speaker == name:
            sound = signal.resample_poly(clip.sound, round(voice.RATE_HZ), round(clip.rate_hz))
            sentences.setdefault(LABELS[clip.label], []).append(sound.astype(np.float32))
    (pair,) = (pair for pair in PAIRS if name in pair)
    return Speaker(name, sentences, held_out_voice(clips, pair, watch=_say))


def measured(seeds: Sequence[int], config: Config, data: Path | None) -> dict[str, Any]:
    """All tables: of the default experts, and where the voice is heard; the cues' on the first seed alone."""
    made: dict[str, list[Heard]] = {"six": [], "further": [], "six heard": [], "further heard": []}
    for seed in seeds:
        speaker = None if data is None else speaker_of(seed, data)
        for name, script_of in (("six", acts_in_order), ("further", further_acts_in_order)):
            _say(f"seed {seed}: the {name} acts{'' if speaker is None else f', also with the voice of {speaker.name}'}")
            script = script_of(seed)
            faces = seen(Participant(script, seed))
            plain = heard(script, seed, faces, config)
            made[name] += plain
            made[f"{name} heard"] += (
                told(plain, script_of) if speaker is None else heard(script, seed, faces, config, speaker)
            )
    _say(f"seed {seeds[0]}: the acts of the cues")
    script = cue_acts_in_order(seeds[0])
    plain = heard(script, seeds[0], seen(Participant(script, seeds[0])), config, settled_s=CUE_SETTLED_S)
    of_cues = told(plain, cue_acts_in_order)
    return {
        "default experts": _tables(made["six"], made["further"]),
        "voice heard": _tables(made["six heard"], made["further heard"]),
        "cues": cue_rows(of_cues, scored(of_cues)),
    }


def _tables(six: Sequence[Heard], further: Sequence[Heard]) -> dict[str, Any]:
    found = scored(six)
    return {
        "acts": [*act_rows(found), *act_rows(scored(further), FURTHER_ACTS)],
        "separation": separation(found),
        "ablations": ablation_rows(six, found),
    }


def shortfalls(tables: Mapping[str, Any]) -> list[str]:
    """What does not hold and is no limit that is known (see `limits`)."""
    failed = []
    for experts in ("default experts", "voice heard"):
        if (area := tables[experts]["separation"]["AUC"]) < LEAST_AUC:
            failed.append(f"{experts}: AUC {area:.3f}, expected {LEAST_AUC} or more")
        failed += [
            f"{experts}: {row['act']} {row['ambivalence']:.2f}, expected {row['expected']}"
            for row in tables[experts]["acts"]
            if not row["holds"] and not (experts == "default experts" and row["act"] in VOICED)
        ]
    return failed + [
        f"{row['cue']} counts {row['counts']:.2f} in its act and {row['at rest']:.2f} at rest"
        for row in tables["cues"]
        if not row["holds"] and row["cue"] not in UNSEEN
    ]


def limits(tables: Mapping[str, Any]) -> list[str]:
    """What does not hold by a limit that is known, said each time."""
    said = [
        f"default experts: {row['act']} is {row['ambivalence']:.2f}, expected {row['expected']}, because the default "
        "voice expert hears no valence (see the table where it is heard)"
        for row in tables["default experts"]["acts"]
        if not row["holds"] and row["act"] in VOICED
    ]
    return said + [
        f"{row['cue']} counts {row['counts']:.2f} in its act: {UNSEEN[row['cue']]}"
        for row in tables["cues"]
        if not row["holds"] and row["cue"] in UNSEEN
    ]


def print_all(tables: Mapping[str, Any], voices: str) -> None:
    """The tables, what is limited, and what falls short."""
    titles = {"default experts": "The default experts", "voice heard": f"The same, {voices}"}
    for name, title in titles.items():
        table = tables[name]
        print(f"\n{title}:\n", *lines(table["acts"]), sep="\n")
        print(f"\nOf the six acts {', '.join(f'{what} {value:.3f}' for what, value in table['separation'].items())}.\n")
        print(*lines(table["ablations"]), sep="\n")
    print("\nEach cue in an act that shows it (the voice expert told the valence):\n", *lines(tables["cues"]), sep="\n")
    _list("Known limits", limits(tables))
    _list("Falls short", shortfalls(tables))


def _list(title: str, said: Sequence[str]) -> None:
    print(f"\n{title}: {'none.' if not said else ''}", *(f"- {one}" for one in said), sep="\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0 where every threshold holds but for the limits that are known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ambivalence", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="orders and noises (default: %(default)s)")
    parser.add_argument("--voice", help="the voice's model in the first table (default: the shipped default)")
    parser.add_argument("--data", type=Path, help="the folder that holds emodb/, for recorded voices")
    parser.add_argument("--json", action="store_true", help="print the tables as JSON")
    options = parser.parse_args(arguments)
    try:
        tables = measured(options.seeds, settings_of(options.voice), options.data)
    except StreamsenseError as error:
        _say(f"error: {error}")
        return error.exit_code
    if options.json:
        print(json.dumps({**tables, "limits": limits(tables), "shortfalls": shortfalls(tables)}, indent=1))
    else:
        print(f"A face-validity check, seeds {', '.join(map(str, options.seeds))}.")
        print_all(
            tables,
            "with the voice expert told the valence that is acted"
            if options.data is None
            else "with recorded voices of the acted emotion and a voice expert that never heard the speaker",
        )
    return 1 if shortfalls(tables) else 0


if __name__ == "__main__":
    sys.exit(main())
