"""Three processes play real recordings at real speed, the live pipeline scores them, a plain pylsl process receives."""

from __future__ import annotations

import itertools
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from streamsense.fusion.emotions import PRIOR_SD
from streamsense.score import EXPERT_CHANNELS, EXPERT_LABELS, SCORE_CHANNELS
from streamsense.streams import MODALITIES
from streamsense.ticks import tick_time
from tests.helpers.real_session import Received, session

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(300)]


def assert_sound(received: Received, channels: tuple[object, ...]) -> None:
    """All values finite, within their ranges, and the metadata says which is which."""
    assert np.isfinite(received.values).all()
    assert [(c["label"], c["unit"]) for c in received.metadata["channels"]] == [(c.label, c.unit) for c in channels]
    for column, channel in zip(received.values.T, received.metadata["channels"], strict=True):
        assert column.min() >= float(channel["minimum"]) - 1e-6, channel
        assert column.max() <= float(channel["maximum"]) + 1e-6, channel


FULL = bool(os.environ.get("STREAMSENSE_PROOF"))
SECONDS = 30.0 if FULL else 10.0


GONE_S, BACK_S = 2.5, 3.5
"""A source is stale after 1 s, and its absence is told within 1.5 s; 3 s after it is back it must count again."""


@dataclass(frozen=True)
class Kill:
    modality: str
    back: float


@dataclass(frozen=True)
class Live:
    """What a consumer got, what the pipeline's process wrote at its end, and which source was away when."""

    scores: Received
    experts: Received
    results: np.lib.npyio.NpzFile
    kills: tuple[Kill, ...]


@pytest.fixture(scope="module")
def live(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Live:
    """A session of three modalities; after `SECONDS` each source in turn is killed and comes back."""
    kills = []
    with session(data_folder, tmp_path_factory.mktemp("live")) as run:
        for modality in MODALITIES:
            run.play(modality)
        process = run.run(MODALITIES, "replayed", "never_killed")
        scores_file, experts_file = run.receive("streamsense-scores"), run.receive("streamsense-experts")
        time.sleep(SECONDS + 3.0)
        for modality in MODALITIES:
            run.players[modality].process.send_signal(signal.SIGKILL)
            time.sleep(GONE_S)
            kills.append(Kill(modality, run.play(modality)))
            time.sleep(BACK_S)
        process.finish()
        results = np.load(run.results)
    return Live(Received.read(scores_file), Received.read(experts_file), results, tuple(kills))


def test_three_modalities_are_scored_every_200_ms(live: Live) -> None:
    scores, experts, results = live.scores, live.experts, live.results
    window = scores.stamps <= scores.stamps[0] + SECONDS
    ticks = scores["tick"][window].astype(int)
    due = round(5 * SECONDS) + 1
    lateness = (scores.arrivals - scores.stamps)[window]
    print(
        f"\n{len(ticks)} of {due} ticks arrived ({len(ticks) / due:.1%}); tick to reception: "
        f"median {np.median(lateness) * 1e3:.0f} ms, 99 % {np.quantile(lateness, 0.99) * 1e3:.0f} ms, "
        f"worst {lateness.max() * 1e3:.0f} ms"
    )
    assert due - len(ticks) <= 1
    assert (np.diff(ticks) >= 1).all(), "each tick once, in order"
    assert [tick_time(tick) for tick in ticks] == scores.stamps[window].tolist(), "stamped with its tick"
    assert_sound(scores, SCORE_CHANNELS)
    assert_sound(experts, EXPERT_CHANNELS)
    assert scores.metadata["rate"] == 0.0
    assert scores.metadata["declared_rate"] == "5"
    assert scores.metadata["can_drop"] == "true"
    assert scores.metadata["ambivalence"] == "ambivalence_proxy, uncalibrated"
    assert all(scores.metadata["models"].values())
    settled = window & (scores.stamps > scores.stamps[0] + 4.0)
    for modality in MODALITIES:
        assert (scores[f"{modality}_presence"][settled] == 1).mean() >= 0.99, modality
        assert scores[f"{modality}_weight"][settled].mean() > 0.01, modality
    # What was scored live comes out of the journal again, byte for byte.
    assert results["scores"].tobytes() == results["replayed_scores"].tobytes()
    assert results["experts"].tobytes() == results["replayed_experts"].tobytes()
    at = {tick: row for row, tick in enumerate(results["ticks"])}
    received_rows = [at[tick] for tick in scores["tick"].astype(int)]
    assert results["scores"][received_rows].tobytes() == scores.values.tobytes()


def test_each_source_is_killed_and_started_again(live: Live) -> None:
    scores, experts, results = live.scores, live.experts, live.results
    for kill in live.kills:
        check_kill(kill, scores, experts, results)
    # The consumer's own bytes of the other experts equal those of a replay in which the source never stopped.
    at = {tick: row for row, tick in enumerate(results["ticks"])}
    rows = [at[round(stamp * 5)] for stamp in experts.stamps]
    for modality in MODALITIES:
        others = [not label.startswith(modality) for label in EXPERT_LABELS]
        never_killed = results[f"{modality}_never_killed"][rows]
        assert never_killed[:, others].tobytes() == experts.values[:, others].tobytes(), modality
        own = EXPERT_LABELS.index(f"{modality}_presence")
        assert never_killed[10:, own].sum() > experts.values[10:, own].sum(), "in that replay the source was there"


def check_kill(kill: Kill, scores: Received, experts: Received, results: np.lib.npyio.NpzFile) -> None:
    stamps = results[f"{kill.modality}_stamps"]
    last = stamps[stamps[:, 1] < kill.back - 1.0][-1, 1]
    presence = scores[f"{kill.modality}_presence"]
    gone = (scores.stamps >= last + 1.0) & (scores.stamps < kill.back)
    assert gone.sum() >= 5
    assert (presence[gone] == 0).all()
    before = (scores.stamps > last - 2.0) & (scores.stamps < last + 0.99)
    assert (presence[before] == 1).all()
    published_after = scores.arrivals[gone][0] - last
    present_again = scores.arrivals[(scores.stamps > kill.back) & (presence == 1)][0] - kill.back
    dimension = {"eeg": "valence", "face": "valence", "voice": "arousal"}[kill.modality]
    spread = scores[f"{dimension}_sd"]
    wider = spread[gone].mean() / spread[before].mean()
    print(
        f"\n{kill.modality}: absence published {published_after:.2f} s after the last sample, present again "
        f"{present_again:.2f} s after the source, {dimension} ± {wider:.3f} times as wide meanwhile"
    )
    assert published_after <= 1.5
    assert present_again <= 3.0
    alone = experts[f"{kill.modality}_{dimension}_sd"][np.isin(experts.stamps, scores.stamps[gone])]
    np.testing.assert_allclose(alone, PRIOR_SD, rtol=1e-12)
    # Who leaves can have contradicted the others, who are surer then: of valence the face alone knows much.
    assert wider > 1.0 or kill.modality != "face"


SUBSETS = [c for n in ((2, 1, 0) if FULL else (1, 0)) for c in itertools.combinations(MODALITIES, n)]
"""Of two modalities are, in short, the times in which the third one was killed."""


def test_any_subset_works_and_with_none_the_prior_is_published(data_folder: Path, tmp_path: Path) -> None:
    """All three are configured; some of them are never there. Some sessions run at a time."""

    def scored(subset: tuple[str, ...]) -> Received:
        with session(data_folder, tmp_path) as run:
            for modality in subset:
                run.play(modality)
            process = run.run(MODALITIES)
            file = run.receive("streamsense-scores")
            time.sleep(4.0)
            process.finish()
        return Received.read(file)

    with ThreadPoolExecutor(4) as pool:
        received = list(pool.map(scored, SUBSETS))
    for subset, scores in zip(SUBSETS, received, strict=True):
        assert len(scores.stamps) >= 15, subset
        assert_sound(scores, SCORE_CHANNELS)
        for modality in MODALITIES:
            assert scores[f"{modality}_presence"][-1] == float(modality in subset), (subset, modality)
        if subset:
            # By itself the EEG of published knowledge knows no more than the prior, and says so.
            assert scores["confidence"][-1] > 0 or subset == ("eeg",), subset
        else:
            assert (scores["confidence"] == 0).all()
            for dimension in ("valence", "arousal", "dominance"):
                assert (scores[dimension] == 0).all()
                assert np.allclose(scores[f"{dimension}_sd"], PRIOR_SD, atol=1e-6)
        print(f"\n{'+'.join(subset) or 'none'}: confidence {scores['confidence'][-1]:.2f}", end="")
