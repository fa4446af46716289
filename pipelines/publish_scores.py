"""Feedback from scores: read them from LSL and publish a stream of your own that follows them.

    python pipelines/publish_scores.py --seconds 60

The example turns the smoothed arousal into a brightness between 0 and 1 for a lamp or a game, and lets it rest
while the score has nothing to go on. It needs only pylsl: copy it to the computer that runs your experiment.
"""

from __future__ import annotations

import argparse
import contextlib
import time

import pylsl


def labels_of(info: pylsl.StreamInfo) -> list[str]:
    """The channel labels of a stream: ask for channels by name, never by number."""
    channel = info.desc().child("channels").child("channel")
    labels = []
    while not channel.empty():
        labels.append(channel.child_value("label"))
        channel = channel.next_sibling()
    return labels


def brightness(arousal: float, spread: float) -> float:
    """From arousal in [−1, 1] to [0, 1]; the wider the spread, the nearer to the middle."""
    certainty = max(0.0, 1.0 - spread / 0.5)  # 0.5 is the spread of a score that knows nothing
    return 0.5 + 0.5 * arousal * certainty


def main() -> None:
    """Follow the scores until the time is up or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--name", default="streamsense-scores", help="name of the score stream")
    parser.add_argument("--seconds", type=float, help="stop after so long (default: Ctrl-C)")
    options = parser.parse_args()

    found = pylsl.resolve_byprop("name", options.name, timeout=10.0)
    if not found:
        raise SystemExit(f"No stream is called {options.name!r}. Start `streamsense live CONFIG` first.")
    inlet = pylsl.StreamInlet(found[0])
    labels = labels_of(inlet.info())
    outlet = pylsl.StreamOutlet(
        pylsl.StreamInfo("brightness", "Feedback", 1, pylsl.IRREGULAR_RATE, "float32", "streamsense-brightness")
    )

    until = float("inf") if options.seconds is None else time.monotonic() + options.seconds
    while time.monotonic() < until:
        sample, stamp = inlet.pull_sample(timeout=1.0)
        if sample is None:
            continue  # no score for a second: the pipeline has stopped, or the network is slow
        score = dict(zip(labels, sample, strict=True))
        value = brightness(score["arousal_smoothed"], score["arousal_smoothed_sd"])
        # The score's own stamp: the instant that it is about, not the instant that it came.
        outlet.push_sample([value], stamp)
        print(f"{stamp:12.1f}  arousal {score['arousal_smoothed']:+.2f}  brightness {value:.2f}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
