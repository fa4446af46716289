"""A process that runs `streamsense` commands one after the other, for those that need no process of their own.

Each line of its standard input is the JSON list of one command's arguments; it answers with a line that says how the
command ended. What goes to the terminal is taken at the file descriptors, so that other libraries' words count too.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

from streamsense.cli.main import main


def ended(arguments: list[str]) -> int:
    sys.argv = ["streamsense", *arguments]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)


def run_one(arguments: list[str]) -> dict[str, object]:
    kept = {number: os.dup(number) for number in (1, 2)}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            code = ended(arguments)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, terminal in kept.items():
                os.dup2(terminal, number)
                os.close(terminal)
        out.seek(0)
        err.seek(0)
        return {"code": code, "out": out.read().decode(), "err": err.read().decode()}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run_one(json.loads(line))), flush=True)
