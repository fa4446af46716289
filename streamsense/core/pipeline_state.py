"""What the pipeline itself carries from event to event, beside its timelines' and operators' own states."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class PipelineState:
    """The next tick, and which modalities were there, which streams are no use.

    `failed` are the modalities whose expert failed at the last tick, and "fusion". `front_samples` counts what each
    front end gave since its stream was opened. `profile` is the text of the participant's profile in use, or empty;
    `frozen` are the parts that were told to learn no more.
    """

    next_tick: int | None = None
    present: dict[str, bool] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    front_samples: dict[str, int] = field(default_factory=dict)
    profile: str = ""
    frozen: list[str] = field(default_factory=list)
