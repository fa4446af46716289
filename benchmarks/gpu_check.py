"""Whether the shipped models run on the GPU, as the CPU computes them, and how long they take there.

Needs an NVIDIA GPU with CUDA 13 and cuDNN 9. Of each model and batch size it counts, in ONNX Runtime's own profile, the
nodes that the CUDA provider computed, compares all outputs with the CPU's (TF32 off) and takes the time of a run.

    python -m benchmarks.gpu_check [--json] [MODEL.onnx ...]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime

from streamsense.errors import ModelError
from streamsense.models.session import _CPU, _CUDA, _CUDA_OPTIONS, OnnxModel
from streamsense.resources import shipped

BATCHES = (1, 8, 64, 512)
TOLERANCE = 1e-5
WARM_UP, RUNS = 10, 100
Inputs = dict[str, np.ndarray]


def check(path: Path) -> list[dict[str, object]]:
    """One row for each batch size. Raises ModelError where the GPU cannot be had or computes something else."""
    model = OnnxModel(path, "cuda")  # the way of a live session: refuses where the GPU cannot be had
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        cuda, cpu = session(path, [(_CUDA, _CUDA_OPTIONS), _CPU], Path(folder)), session(path, [_CPU], None)
        for batch in BATCHES:
            inputs = random_inputs(model.inputs, batch)
            apart = largest_difference(cuda.run(None, inputs), cpu.run(None, inputs))
            if not apart <= TOLERANCE:
                raise ModelError(f"{path.name}, batch {batch}: GPU and CPU differ by {apart:.1e}, at most {TOLERANCE}.")
            gpu_ms, cpu_ms = median_ms(cuda, inputs), median_ms(cpu, inputs)
            rows.append({"model": path.stem, "batch": batch, "difference": apart, "gpu_ms": gpu_ms, "cpu_ms": cpu_ms})
        nodes = nodes_by_provider(Path(cuda.end_profiling()))
    if not nodes[_CUDA]:
        raise ModelError(f"{path.name}: no node ran on the CUDA provider, only on {dict(nodes)}.")
    return [{**row, "gpu_nodes": nodes[_CUDA], "cpu_nodes": nodes[_CPU]} for row in rows]


def session(path: Path, providers: list[object], profile_folder: Path | None) -> onnxruntime.InferenceSession:
    """A session set as a live one; with a profile where a folder for it is given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    if profile_folder is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_folder / path.stem)
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=providers, enable_fallback=0)


def random_inputs(shapes: dict[str, tuple[int, ...]], batch: int) -> Inputs:
    random = np.random.default_rng(batch)
    return {name: random.uniform(0, 1, (batch, *shape)).astype(np.float32) for name, shape in shapes.items()}


def largest_difference(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Of all outputs, relative to their size where that is above 1."""
    apart = [np.abs(a - b) / np.maximum(1, np.abs(b)) for a, b in zip(one, other, strict=True)]
    return float(np.max([each.max() for each in apart]))


def median_ms(model: onnxruntime.InferenceSession, inputs: Inputs) -> float:
    taken = []
    for _ in range(WARM_UP + RUNS):
        begin = time.perf_counter()
        model.run(None, inputs)
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken[WARM_UP:]) * 1e3)


def nodes_by_provider(profile: Path) -> Counter[str]:
    """How many different nodes each provider computed, by the runtime's own record."""
    events = json.loads(profile.read_text())
    ran = {
        (event["name"], event["args"]["provider"])
        for event in events
        if event.get("cat") == "Node" and "provider" in event.get("args", {})
    }
    return Counter(provider for _, provider in ran)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="all shipped models, where none is named")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    asked = parser.parse_args()
    rows = []
    try:
        for path in asked.models or sorted(shipped("models_onnx").glob("*.onnx")):
            rows += check(path)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if asked.json:
        print(json.dumps(rows, indent=1))
        return 0
    print("| model | batch | GPU, ms | CPU (1 thread), ms | largest difference | nodes on the GPU | on the CPU |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            "| {model} | {batch} | {gpu_ms:.3f} | {cpu_ms:.3f} | {difference:.1e} | {gpu_nodes} | {cpu_nodes} |".format(
                **row
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
