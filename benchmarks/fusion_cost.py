"""What fusion, ambivalence, dynamics, segments and the explanation of a tick cost together, on one thread.

What the experts said comes from a session of the simulated participant that went through the real edge, features and
experts: ticks at which all three were there and somebody spoke, hesitant ones among them. Parts take turns of ten ticks
in an order that changes, each with a state of its own that goes along. Times are medians with the quartiles beside
them, by the clock and of the processor, and by the clock for the first tick of a turn, which finds the caches cold, as
ticks 0.2 s apart do. On a busy machine the multiples of a bare run of the fusion's graph tell more. The limit is on the
clock, with warm caches.

    python -m benchmarks.fusion_cost [--turns 300] [--json]
"""

# ruff: noqa: E402  (libraries read how many threads they may use when they are imported)
from __future__ import annotations

import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from time import perf_counter_ns, thread_time_ns

import numpy as np

from benchmarks.ambivalence import Listening, play, seen, settings_of
from streamsense.arrays import FloatArray
from streamsense.fusion.ambivalence import Parts, step_ambivalence
from streamsense.fusion.combination import Fusion, Opinion, stand
from streamsense.fusion.conflict import step_conflict
from streamsense.fusion.dynamics import step_dynamics
from streamsense.fusion.hesitancy import HesitancyCues
from streamsense.fusion.observations import observations
from streamsense.models.expert import Expert
from streamsense.pipeline import Pipeline
from streamsense.runtime.assembly import (
    FUSION_MODEL,
    build_replay_pipeline,
    feature_operators,
    front_ends,
    load_fusion,
    load_model,
)
from streamsense.score import SCORE_LABELS, Score
from streamsense.segments import Segments
from streamsense.sources.simulator import Participant, eeg, voice
from streamsense.sources.simulator.script import Script, State
from streamsense.sources.simulator.scripts import ACTS
from streamsense.streams import MODALITIES, Modality
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

LIMIT_MS = 0.3
TOTAL, GRAPH, EMPTY = "together", "the fusion's graph alone", "an empty operation of numpy"
SCRIPT = Script("cost", (State("rest", 15.0, "neutral", 0.0, 0.0, 0.0), *(act for act in ACTS if act.ambivalence > 0)))
"""Its first state is left out: windows fill, and the speaker's level is learned."""
HESITANT = 0.2
TICKS_A_TURN = 10
WARM_UP = 10
"""Turns before any is counted."""


@dataclass(frozen=True)
class Tick:
    """What the experts said at one tick, and the score that was made of it."""

    opinions: Mapping[Modality, Opinion]
    score: Score


@dataclass(frozen=True)
class Cost:
    """One part: microseconds a tick, by the clock (median and quartiles) and of the processor (median).

    `cold_us` is the median by the clock of the first tick after other parts had their turns.
    """

    name: str
    median_us: float
    lower_us: float
    upper_us: float
    processor_us: float
    cold_us: float


class _Session(Pipeline):
    """The pipeline, which keeps its scores."""

    scores: list[Score]

    def advance(self, now: float) -> list[Score]:
        found = super().advance(now)
        self.scores += found
        return found


def ticks_of_a_session(script: Script) -> list[Tick]:
    """Ticks of the simulated participant at which all three modalities are there and somebody speaks."""
    config = settings_of(None)
    operators, (_, described) = feature_operators(config), build_replay_pipeline(config)
    models = {name: load_model(described[f"{name}_model"].rpartition(" ")[0], "cpu") for name in operators}
    experts = {name: Expert(models[name], name, operator.contract()) for name, operator in operators.items()}
    fusion = Listening(load_fusion())
    pipeline = _Session(operators, experts, fusion, fronts=front_ends(config, None))
    pipeline.scores = []
    participant = Participant(script, 0)
    makers = eeg.EegMaker(participant), voice.VoiceMaker(participant)
    play(pipeline, makers, seen(participant), script.duration_s)
    told = dict(fusion.told)
    found = [
        Tick(told[score.time], score)
        for score in pipeline.scores[round(script.states[0].duration_s * TICKS_PER_SECOND) :]
        if all(score[f"{name}_weight"] > 0 for name in MODALITIES)
        and score.features["voice"].cues["voiced_fraction"] > 0
    ]
    hesitant = sum(tick.score["hesitancy"] >= HESITANT for tick in found)
    if not hesitant:
        raise SystemExit(f"of {len(found)} ticks none is hesitant: the costs would not be those of one that is")
    print(f"{len(found)} ticks with all three and a voice, {hesitant} of them hesitant", file=sys.stderr)
    return found


def take_turns(parts: Mapping[str, Callable[[Tick, float], object]], ticks: Sequence[Tick], turns: int) -> list[Cost]:
    """Each part goes through a few ticks at a turn, in an order that changes; the first of a turn finds cold caches."""
    names = list(parts)
    clock: dict[str, list[list[float]]] = {name: [] for name in names}
    processor: dict[str, list[list[float]]] = {name: [] for name in names}
    begin = ticks[0].score.time
    for turn in range(WARM_UP + turns):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            took, used = [], []
            for k in range(turn * TICKS_A_TURN, (turn + 1) * TICKS_A_TURN):
                tick, time = ticks[k % len(ticks)], begin + k * HOP_S
                began, before = perf_counter_ns(), thread_time_ns()
                parts[name](tick, time)
                after, ended = thread_time_ns(), perf_counter_ns()
                took.append((ended - began) / 1e3)
                used.append((after - before) / 1e3)
            if turn >= WARM_UP:
                clock[name].append(took)
                processor[name].append(used)
    return [_cost(name, np.array(clock[name]), np.array(processor[name])) for name in names]


def _cost(name: str, clock: FloatArray, processor: FloatArray) -> Cost:
    """Of times in µs (turns, ticks)."""
    lower, median, upper = (float(q) for q in np.quantile(clock[:, 1:], (0.25, 0.5, 0.75)))
    return Cost(name, median, lower, upper, float(np.median(processor[:, 1:])), float(np.median(clock[:, 0])))


def measure(ticks: Sequence[Tick], turns: int) -> list[Cost]:
    """The parts, all of them together, and what they are compared with."""
    model = load_fusion()
    whole, steps, parts, cues, segments = Fusion(model), Fusion(model), Fusion(model), HesitancyCues(), Segments()
    graph = load_model(FUSION_MODEL, "cpu")._session
    batches = {id(tick): _batch(tick.opinions, parts) for tick in ticks}
    hesitancy, own_segments = cues.new_state(), Segments()
    said = {id(tick): parts.combine(tick.opinions) for tick in ticks}
    made = {id(tick): _parts(steps, tick) for tick in ticks}

    def together(tick: Tick, time: float) -> None:
        values = np.empty(len(SCORE_LABELS))
        values[:-1], values[-1] = whole.step(tick.opinions, time), 0.0
        score = Score(0, time, values, tick.score.experts, tick.score.plan, tick.score.features, {}, whole.cues)
        segments.step(score)
        observations(score)

    def conflict(tick: Tick, time: float) -> None:
        stands = [stand(tick.opinions[name]) for name in MODALITIES]
        step_conflict(parts.state.conflict, parts.settings.conflict, stands, time)

    def count_cues(tick: Tick, time: float) -> None:
        given = {name: value for row in tick.opinions.values() for name, value in row.cues.items()}
        cues.step(hesitancy, given, {name: row.quality for name, row in tick.opinions.items()}, time)

    def ambivalence(tick: Tick, time: float) -> None:
        step_ambivalence(parts.state.ambivalence, parts.settings.ambivalence, made[id(tick)], time)

    def dynamics(tick: Tick, time: float) -> None:
        out = said[id(tick)]
        step_dynamics(parts.state.dynamics, parts.settings.dynamics, out["vad"], out["vad_sd"], time)

    row = np.zeros(8)
    return take_turns(
        {
            "combination": lambda tick, _: parts.combine(tick.opinions),
            "conflict": conflict,
            "cues of hesitancy": count_cues,
            "ambivalence": ambivalence,
            "dynamics": dynamics,
            "all of these, the fusion's step": lambda tick, time: steps.step(tick.opinions, time),
            "segments": lambda tick, time: own_segments.step(replace(tick.score, time=time)),
            "explanation": lambda tick, _: observations(tick.score),
            TOTAL: together,
            GRAPH: lambda tick, _: graph.run(None, batches[id(tick)]),
            EMPTY: lambda *_: np.add(row, row),
        },
        ticks,
        turns,
    )


def _batch(opinions: Mapping[Modality, Opinion], fusion: Fusion) -> dict[str, np.ndarray]:
    return {name: value[np.newaxis] for name, value in fusion.inputs(opinions).items()}


def _parts(fusion: Fusion, tick: Tick) -> Parts:
    fusion.step(tick.opinions, tick.score.time)
    if fusion.parts is None:
        raise AssertionError("a step leaves what ambivalence was made of")
    return fusion.parts


def show(costs: Sequence[Cost]) -> None:
    """A table: the clock, its quartiles, the processor, and the multiple of a bare run of the graph."""
    (bare,) = [cost.processor_us for cost in costs if cost.name == GRAPH]
    print(f"  {'':32} {'clock':>11} {'[quartiles]':18} processor     cold × graph")
    for cost in costs:
        quartiles = f"[{cost.lower_us:.1f} to {cost.upper_us:.1f}]"
        ratio = cost.processor_us / bare
        numbers = f"{cost.median_us:8.1f} µs {quartiles:18} {cost.processor_us:8.1f} {cost.cold_us:8.1f} {ratio:6.2f}"
        print(f"  {cost.name:32} {numbers}")
    total_ms = total_of(costs)
    verdict = "holds" if total_ms <= LIMIT_MS else "MISSED"
    print(f"  {TOTAL}: {total_ms:.3f} ms a tick by the clock, at most {LIMIT_MS:g}: {verdict}")


def total_of(costs: Sequence[Cost]) -> float:
    """Milliseconds a tick of all together, by the clock."""
    (total,) = [cost.median_us / 1e3 for cost in costs if cost.name == TOTAL]
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the costs; 0 where all together keep the limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion_cost", description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=300, help="of each part, 10 ticks long (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args(arguments)
    costs = measure(ticks_of_a_session(SCRIPT), asked.turns)
    if asked.json:
        claim = {"name": f"{TOTAL}, ms", "found": total_of(costs), "limit": LIMIT_MS}
        content = {"costs": [asdict(cost) for cost in costs], "claim": claim | {"holds": total_of(costs) <= LIMIT_MS}}
        print(json.dumps(content, indent=1, ensure_ascii=False))
    else:
        show(costs)
    return 0 if total_of(costs) <= LIMIT_MS else 1


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sys.exit(main())
