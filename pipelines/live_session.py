"""Score a lab session: EEG, face and voice in, one score every 200 ms out.

    python pipelines/live_session.py tri_modal_lab            # a shipped configuration
    python pipelines/live_session.py my_lab.yaml --seconds 60

This is what `streamsense live` does, without its display: the place to start a program of your own from.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

from streamsense.cli.live import find_config
from streamsense.config import load_config
from streamsense.errors import StreamsenseError
from streamsense.runtime.session import open_session
from streamsense.score import Notice, Score


class PrintScores:
    """A sink of your own: any object with these three methods. It runs in a thread and cannot hold up the scoring."""

    def write_score(self, score: Score, compute_s: float) -> None:
        """Called once per tick. `score[label]` gives any channel of streamsense.score.SCORE_LABELS."""
        print(
            f"{score.time:12.1f}  valence {score['valence']:+.2f} ± {score['valence_sd']:.2f}  "
            f"arousal {score['arousal']:+.2f} ± {score['arousal_sd']:.2f}  ambivalence {score['ambivalence']:.2f}  "
            f"confidence {score['confidence']:.2f}  ({compute_s * 1e3:.1f} ms)"
        )

    def write_notice(self, notice: Notice) -> None:
        """Called for events: gaps, streams that come and go, modalities lost and regained, markers."""
        print(f"{notice.time:12.1f}  {notice.kind}: {notice.text}")

    def close(self) -> None:
        """Called once at the end."""


def main() -> None:
    """Run until the time is up or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", help="a YAML file, or the name of a shipped configuration")
    parser.add_argument("--seconds", type=float, help="stop after so long (default: Ctrl-C)")
    options = parser.parse_args()

    config = load_config(find_config(options.config))
    session = open_session(config, [PrintScores()])  # finds the streams and loads the models
    with contextlib.suppress(KeyboardInterrupt):  # the usual end of a session; run() closes everything
        session.run(options.seconds)  # also publishes the scores over LSL, unless the configuration says no


if __name__ == "__main__":
    try:
        main()
    except StreamsenseError as error:  # something that can be mended: say what, without a traceback
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
