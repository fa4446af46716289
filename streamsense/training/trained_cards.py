"""The cards of models that were trained by `streamsense train`: whose data, which licence, how right, what not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamsense
from streamsense.errors import ConfigError
from streamsense.models.card import Card
from streamsense.models.card_people import listed
from streamsense.streams import Modality
from streamsense.training.joint_network import JointNetwork
from streamsense.training.run_folder import RunFolder
from streamsense.training.train_settings import LAB, TrainConfig

FUSION = "fusion"
_SOURCE_OF_FUSION = "fused"
_LARGEST_REPORT = 1 << 25
_LIMITS = (
    "A score is a reading of signs, not proof of what a person feels, and no diagnosis.",
    "It knows the states, the situation, the devices and the kind of people that it was trained with, and no others.",
)


def cards(run: RunFolder, network: JointNetwork, windows: int, date: str) -> dict[str, Card]:
    """A card for each modality, and one for the fusion where there are several. Raises ConfigError without a report."""
    figures, warnings = _figures(run.report)
    names: list[Modality | str] = [*network.modalities]
    if len(names) > 1:
        names.append(FUSION)
    return {str(name): _card(run, str(name), network, windows, date, figures, warnings) for name in names}


def _card(
    run: RunFolder,
    name: str,
    network: JointNetwork,
    windows: int,
    date: str,
    figures: Mapping[str, str],
    warnings: Sequence[str],
) -> Card:
    config = run.config
    source = _SOURCE_OF_FUSION if name == FUSION else name
    what = "A gate on the precision weighting of the experts" if name == FUSION else f"An expert for {name}"
    sets = [(one.called, one.dataset()) for one in config.data]
    return Card(
        name=f"{config.name}_{name}",
        version="1",
        modality=name,  # type: ignore[arg-type]
        description=(
            f"{what}, trained by `streamsense train` on {', '.join(called for called, _ in sets)}, together with "
            f"{', '.join(network.modalities)}. {config.card.description}".strip()
        ),
        data=(
            f"{'; '.join(f'{called}: {dataset.citation}' for called, dataset in sets)} {len(network.people)} people, "
            f"{windows} windows. {listed(sorted(network.people))}"
        ),
        attribution="; ".join(filter(None, [config.card.attribution, *_licences(config)])),
        licence=config.card.licence,
        evaluation=(
            "Of people held out, as the report of the training says (95 % intervals over people; floors are what the "
            f"same figure is without knowledge). This file was fitted to everybody.\n\n{figures.get(source, 'None.')}"
        ),
        evidence_dimensions=network.evidence_dimensions,
        evidence_emotions=network.evidence_emotions,
        limits=(*_LIMITS, *warnings, *config.card.limits),
        made_by=f"streamsense train, streamsense export ({made_with()})",
        date=date,
    )


def made_with() -> str:
    """The version of this package, and of a checkout its commit."""
    root = Path(streamsense.__file__).parents[1]
    version = f"streamsense {streamsense.__version__}"
    if not (root / ".git").exists():
        return version
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        changes = " with changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version}, commit {commit}{changes}"


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    return done.stdout.strip()


def _licences(config: TrainConfig) -> list[str]:
    """What the publishers of the sets allow; of one's own recordings one decides, and says so in the card."""
    return [f"{one.called}: {one.dataset().licence}" for one in config.data if one.set != LAB]


def _figures(report: Path) -> tuple[dict[str, str], list[str]]:
    """Every figure of each source as lines, and the warnings above them, from the report of the training."""
    try:
        with report.open(encoding="utf-8") as stream:
            content = json.loads(stream.read(_LARGEST_REPORT))
        lines = {
            part["source"]: "\n".join(
                f"- {topic['title']}, {_line(figure)}" for topic in part["topics"] for figure in topic["figures"]
            )
            for part in content["parts"]
        }
        return lines, [str(warning) for warning in content["warnings"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"The report {report} cannot be read ({str(error)[:100]}), and no model goes out without its figures. "
            "Finish the training again: remove the report and run `streamsense train` with the same --out."
        ) from None


def _line(figure: Mapping[str, object]) -> str:
    low, high, floors = figure["low"], figure["high"], figure["floors"]
    value, unit = figure["value"], f" {figure['unit']}" if figure["unit"] else ""
    spread = f" [{low:.3f}, {high:.3f}]" if isinstance(low, float) and isinstance(high, float) else ""
    beside = ", ".join(f"{name} {floor:.3f}" for name, floor in floors.items()) if isinstance(floors, dict) else ""
    return f"{figure['name']}: {value:.3f}{spread}{unit}" + (f" (floors: {beside})" if beside else "")
