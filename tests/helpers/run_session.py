"""Runs a live session in a process of its own, and keeps its journal: `run_session.py CONFIG OUT [REPLAY …]`.

Ends on a line on standard input, or at its end. Writes to OUT (.npz): the live experts' opinions and scores, and the
stamps of each modality's blocks. REPLAY `replayed`: also those of the journal replayed as it is; `never_killed`: the
experts' opinions of the journal replayed, for each modality, with that modality's holes filled, as if its source had
never been killed.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from streamsense.config import load_config
from streamsense.journal import Entry, replay_journal
from streamsense.pipeline import Pipeline
from streamsense.runtime.assembly import build_pipeline
from streamsense.runtime.session import open_session
from streamsense.score import Plan, Score
from streamsense.streams import MODALITIES, Block, StreamLost, StreamOpened
from streamsense.ticks import tick_time

HOLE_S = 0.75


def replayed(journal: list[Entry], pipeline: Pipeline) -> list[Score]:
    return [score for score, _ in replay_journal(journal, pipeline) if score is not None]


def without_the_kill(journal: list[Entry], modality: str) -> list[Entry]:
    """The journal as if the modality's source had never stopped: its holes filled with what it sent before them."""
    own = [entry for entry in journal if isinstance(entry, Block) and entry.key == modality]
    opened = next(entry for entry in journal if isinstance(entry, StreamOpened) and entry.info.key == modality)
    filled: list[Entry] = []
    for before, after in itertools.pairwise(own):
        filled.append(before)
        hole_s = float(after.stamps[0] - before.stamps[-1])
        if hole_s > HOLE_S:
            filled += filling(own[: own.index(before) + 1], hole_s)
    filled.append(own[-1])
    others = [
        entry
        for entry in journal
        if not (isinstance(entry, Block) and entry.key == modality)
        and not (isinstance(entry, StreamOpened) and entry.info.key == modality)
        and not (isinstance(entry, StreamLost) and entry.key == modality)
    ]
    merged, rest = [opened], list(filled)
    for entry in others:
        now = entry.now if not hasattr(entry, "received") else entry.received
        while rest and rest[0].received <= now:
            merged.append(rest.pop(0))
        merged.append(entry)
    return merged


def filling(sent: list[Block], hole_s: float) -> list[Entry]:
    """Blocks for a hole: the last ones again, later in time."""
    end = float(sent[-1].stamps[-1])
    again = [block for block in sent if block.stamps[0] > end - hole_s + 0.1]
    period = (
        end - float(again[0].stamps[0]) + float(np.median(np.diff(sent[-1].stamps)) if len(sent[-1]) > 1 else 0.033)
    )
    return [
        replace(block, stamps=block.stamps + period, received=block.received + period, values=block.values.copy())
        for block in again
    ]


class LiveAgain(Pipeline):
    """Decides one modality's state anew in each plan; the others' stay as recorded."""

    modality = ""

    def carry_out(self, decision):  # type: ignore[no-untyped-def]
        if isinstance(decision, Plan):
            fresh = {plan.modality: plan for plan in self.stream_plans(tick_time(decision.tick))}
            streams = tuple(
                fresh[plan.modality] if plan.modality == self.modality else plan for plan in decision.streams
            )
            decision = replace(decision, streams=streams)
        return super().carry_out(decision)


def main() -> None:
    config = load_config(Path(sys.argv[1]))
    journal: list[Entry] = []
    live: list[Score] = []

    class Keep:
        def write_score(self, score: Score, compute_s: float) -> None:
            live.append(score)

        def write_notice(self, notice: object) -> None:
            print(notice, file=sys.stderr)

        def close(self) -> None:
            pass

    session = open_session(config, [Keep()], journal)
    session.start()
    print("ready", flush=True)
    sys.stdin.readline()
    session.stop()
    out = {
        "ticks": np.array([score.tick for score in live]),
        "scores": np.array([score.values for score in live]),
        "experts": np.array([score.experts for score in live]),
    }
    if "replayed" in sys.argv[3:]:
        again = replayed(journal, build_pipeline(config)[0])
        out["replayed_experts"] = np.array([score.experts for score in again])
        out["replayed_scores"] = np.array([score.values for score in again])
    for modality in MODALITIES:
        blocks = [entry for entry in journal if isinstance(entry, Block) and entry.key == modality]
        out[f"{modality}_stamps"] = np.array([(block.stamps[0], block.stamps[-1], block.received) for block in blocks])
        if "never_killed" in sys.argv[3:] and getattr(config, modality) is not None and blocks:
            pipeline = build_pipeline(config)[0]
            pipeline.__class__ = LiveAgain
            pipeline.modality = modality  # type: ignore[attr-defined]
            scores = replayed(without_the_kill(journal, modality), pipeline)
            out[f"{modality}_never_killed"] = np.array([score.experts for score in scores])
    np.savez(sys.argv[2], **out)


if __name__ == "__main__":
    main()
