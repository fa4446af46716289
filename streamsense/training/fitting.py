"""Fits a network: seeded and on one thread, so the same bytes twice; one that was stopped goes on where it was."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from streamsense.errors import ModelError
from streamsense.models.fetch import write_whole
from streamsense.training import lacking

try:
    import torch
    from torch import Tensor, nn
except ImportError as _error:
    raise lacking(_error) from _error

Network = TypeVar("Network", bound=nn.Module)
Progress = Callable[[int, float], None]
"""Told after each epoch: how many are done, and the mean loss of the last one."""


@dataclass(frozen=True)
class FittingSettings:
    """AdamW with a learning rate that falls to `last_learning_rate` along half a cosine.

    An epoch shows every row once, in random order. Rates, weight decay, batches and seed are those of RBTransformer's
    published training (SCIENCE 1.2), whose batches shrink to 64 half way.
    """

    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3
    last_learning_rate: float = 1e-6
    weight_decay: float = 1e-3
    seed: int = 23

    def __post_init__(self) -> None:
        if not (1 <= self.epochs <= 100_000 and 1 <= self.batch_size <= 1_000_000):
            raise ValueError(f"epochs is {self.epochs} and batch_size {self.batch_size}, expected 1 or more")
        if not (0 < self.last_learning_rate <= self.learning_rate < 1 and 0 <= self.weight_decay < 1):
            raise ValueError(
                f"learning rates {self.learning_rate} to {self.last_learning_rate} and weight_decay "
                f"{self.weight_decay}, expected falling within (0, 1), and within [0, 1)"
            )
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed is {self.seed}, expected 0 to 2³¹ − 1")

    def rate_at(self, share: float) -> float:
        """The learning rate when this share of all steps, in [0, 1], is done."""
        return self.last_learning_rate + 0.5 * (self.learning_rate - self.last_learning_rate) * (
            1 + math.cos(math.pi * share)
        )


def fit(
    build: Callable[[], Network],
    rows: int,
    loss_of: Callable[[Network, Tensor], Tensor],
    settings: FittingSettings,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    described: str = "",
) -> Network:
    """The network that `build` makes, fitted; in evaluation mode.

    `loss_of(network, indices)` is the mean loss of the rows with these indices, out of `rows`. Where `checkpoint` is
    given the state is kept there after every epoch, and a file that is there already is continued: what comes out is
    the same, to the bit, as without the stop. `described` is kept with it: whatever else tells this training from
    another, such as a hash of what it learns from. Raises ModelError for a checkpoint that is damaged or of another
    training, and where the loss is not finite.
    """
    with exactly(settings.seed):
        network = build()
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        about = _description(rows, settings, described)
        done = _restore(checkpoint, network, optimiser, about, settings)
        network.train()
        for epoch in range(done, settings.epochs):
            # Seeded anew by epoch: nothing of the random state has to be kept for going on.
            torch.manual_seed((settings.seed * 1_000_003 + epoch) % 2**63)
            loss = _epoch(network, optimiser, rows, loss_of, settings, epoch)
            if checkpoint is not None:
                write_whole(checkpoint, _packed(network, optimiser, epoch + 1, about))
            if progress is not None:
                progress(epoch + 1, loss)
    return network.eval()


@contextmanager
def exactly(seed: int) -> Iterator[None]:
    """Seeded, deterministic and on one thread for as long as it lasts; afterwards all is as it was."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)


def _epoch(
    network: Network,
    optimiser: torch.optim.AdamW,
    rows: int,
    loss_of: Callable[[Network, Tensor], Tensor],
    settings: FittingSettings,
    epoch: int,
) -> float:
    """Show every row once; returns the mean loss."""
    order = torch.randperm(rows)
    batches = [order[start : start + settings.batch_size] for start in range(0, rows, settings.batch_size)]
    total = 0.0
    for index, batch in enumerate(batches):
        share = (epoch + index / len(batches)) / settings.epochs
        for group in optimiser.param_groups:
            group["lr"] = settings.rate_at(share)
        optimiser.zero_grad()
        loss = loss_of(network, batch)
        if not torch.isfinite(loss):
            raise ModelError(
                f"The loss became {float(loss.detach())} in epoch {epoch + 1}. Expected finite features and a learning "
                "rate that is not too high; look for NaN among the features first."
            )
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += float(loss.detach()) * len(batch)
    return total / rows


_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def _packed(network: nn.Module, optimiser: torch.optim.AdamW, done: int, about: str) -> bytes:
    """Everything that training carries from one epoch to the next, as a .npz without pickle."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        f"network/{name}": value.detach().numpy() for name, value in network.state_dict().items()
    }
    for index, moments in optimiser.state_dict()["state"].items():
        arrays |= {f"optimiser/{index}/{name}": moments[name].numpy() for name in _MOMENTS}
    arrays["training"] = np.array(about)
    arrays["done"] = np.array(done)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def _restore(
    checkpoint: Path | None,
    network: nn.Module,
    optimiser: torch.optim.AdamW,
    about: str,
    settings: FittingSettings,
) -> int:
    """Continue what `_packed` kept; returns how many epochs it had done, 0 where there is no file."""
    if checkpoint is None or not checkpoint.is_file():
        return 0
    try:
        with np.load(io.BytesIO(checkpoint.read_bytes()), allow_pickle=False) as kept:
            if str(kept["training"]) != about:
                raise ModelError(
                    f"The checkpoint {checkpoint} is of another training ({str(kept['training'])[:300]}), expected "
                    f"{about}. Remove it to begin anew."
                )
            done = int(kept["done"])
            network.load_state_dict(
                {name: torch.from_numpy(kept[f"network/{name}"]) for name in network.state_dict()}, strict=True
            )
            state = optimiser.state_dict()
            count = len(state["param_groups"][0]["params"])
            state["state"] = {
                index: {name: torch.from_numpy(kept[f"optimiser/{index}/{name}"]) for name in _MOMENTS}
                for index in range(count)
            }
            optimiser.load_state_dict(state)
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(
            f"The checkpoint {checkpoint} cannot be used ({reason}). Expected a whole one of this network. "
            "Remove it to begin anew."
        ) from None
    if not 0 <= done <= settings.epochs:
        raise ModelError(f"The checkpoint {checkpoint} has {done} epochs of {settings.epochs}. Remove it.")
    return done


def _description(rows: int, settings: FittingSettings, described: str) -> str:
    beside = {"described": described} if described else {}
    return json.dumps({"rows": rows, **asdict(settings), **beside}, sort_keys=True)
