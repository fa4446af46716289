"""Model cards: what a model was made from, what it has evidence for, its measured quality and its limits."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from streamsense.errors import ModelError
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.models.contract import CONTRACT_KEY, canonical_json, contract_sha256
from streamsense.yaml_file import read_yaml

CARD_KEY = "streamsense.card"
"""Name of the card in an ONNX file's metadata."""
MAX_METADATA_CHARACTERS = 1 << 20
MAX_METADATA_DEPTH = 32


def _known(names: tuple[str, ...]) -> AfterValidator:
    def check(given: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(f"{', '.join(unknown)} not among {', '.join(names)}")
        return given

    return AfterValidator(check)


_Text = Annotated[str, StringConstraints(max_length=20_000)]
_Said = Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
_Line = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class Card(BaseModel):
    """A model card. Emotions and dimensions that are not named under evidence count as no evidence.

    `evaluation` holds the results on people or recordings that were held out, with their spread and floors, or says
    that there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Line
    version: _Line
    modality: Literal["eeg", "face", "voice", "fusion"]
    description: _Said
    data: _Said
    attribution: _Text
    licence: _Line
    evaluation: _Said
    evidence_emotions: Annotated[tuple[str, ...], _known(EMOTIONS)] = ()
    evidence_dimensions: Annotated[tuple[str, ...], _known(DIMENSIONS)] = ()
    limits: tuple[_Text, ...] = ()
    made_by: _Line
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    commit: Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] = ""
    """The version of the code that made it, such as `streamsense 0.1.0, commit 3f2c1a9`; "" where it is not known."""

    def markdown(self, contract: Mapping[str, object]) -> str:
        """The card as a page for people, with the feature contract below it."""
        limits = "\n".join(f"- {limit}" for limit in self.limits)
        return (
            f"# {self.name} {self.version}\n\n{self.description}\n\n"
            "| | |\n|---|---|\n"
            f"| modality | {self.modality} |\n"
            f"| evidence for dimensions | {', '.join(self.evidence_dimensions) or 'none'} |\n"
            f"| evidence for emotions | {', '.join(self.evidence_emotions) or 'none'} |\n"
            f"| licence | {self.licence} |\n| made by | `{self.made_by}` |\n"
            f"| commit | {self.commit or 'not known'} |\n| date | {self.date} |\n\n"
            f"## Data and sources\n\n{self.data}\n\n{self.attribution}\n\n"
            f"## Evaluation\n\n{self.evaluation}\n\n## Limits\n\n{limits}\n\n"
            f"## Feature contract\n\nsha256 `{contract_sha256(contract)}`\n\n"
            f"```json\n{json.dumps(json.loads(canonical_json(contract)), indent=1, sort_keys=True)}\n```\n"
        )


@dataclass(frozen=True)
class ModelMetadata:
    """What a model file says about itself."""

    card: Card
    contract: dict[str, object]

    @property
    def contract_sha256(self) -> str:
        """Hash of the contract, as `contract.contract_sha256` computes it."""
        return contract_sha256(self.contract)


def read_metadata(path: Path, embedded: Mapping[str, str]) -> ModelMetadata:
    """Card and contract of the model at `path`.

    `embedded` is the metadata inside the file (`get_modelmeta().custom_metadata_map`). A plain `.onnx` may
    have a file `NAME.card.json` beside it instead, an object with the two keys `card` and `contract`.
    Raises ModelError where they are missing or malformed.
    """
    beside = path.with_suffix(".card.json")
    card: object
    contract: object
    if CARD_KEY in embedded and CONTRACT_KEY in embedded:
        where = str(path)
        card, contract = (_parse(embedded[key], f"{key} in {path}") for key in (CARD_KEY, CONTRACT_KEY))
    elif beside.is_file():
        where = str(beside)
        with beside.open(encoding="utf-8", errors="replace") as stream:
            both = _parse(stream.read(MAX_METADATA_CHARACTERS + 1), where)
        card, contract = both.get("card"), both.get("contract")
    else:
        raise ModelError(
            f"{path} does not say which features it was trained on. Expected the metadata {CARD_KEY} and "
            f"{CONTRACT_KEY} inside the file, or a file {beside.name} beside it with the keys card and contract. "
            "`streamsense models attach` puts both into a copy of the file."
        )
    if not isinstance(contract, dict):
        raise ModelError(f"{where} has no usable contract: expected a JSON object under the key contract.")
    return ModelMetadata(checked_card(card, where), contract)


def checked_card(content: object, where: str) -> Card:
    """The card with this content, which came from `where`. Raises ModelError that names each wrong field."""
    try:
        return Card.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'card'}: {one['msg']}" for one in error.errors())
        raise ModelError(f"The model card in {where} cannot be used: {problems}. Correct it there.") from None


def read_card(path: Path) -> Card:
    """The card that someone wrote as a YAML (or JSON) file. Raises ConfigError or ModelError."""
    content = read_yaml(path, "model card")
    if isinstance(content, dict):  # YAML reads an unquoted date as one
        content = {key: str(value) if isinstance(value, datetime.date) else value for key, value in content.items()}
    if problem := _problem(content):
        raise ModelError(f"The model card in {path} cannot be used: {problem}. Correct it there.")
    return checked_card(content, str(path))


def _parse(text: str, where: str) -> dict[str, object]:
    """A JSON object out of untrusted text."""
    if len(text) > MAX_METADATA_CHARACTERS:
        raise ModelError(f"{where} is longer than {MAX_METADATA_CHARACTERS} characters, so it is not read.")
    try:
        parsed = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where} is not JSON ({str(error)[:200]}).") from None
    if not isinstance(parsed, dict):
        raise ModelError(f"{where} is not a JSON object, expected one.")
    if problem := _problem(parsed):
        raise ModelError(f"{where} cannot be used: {problem}.")
    return parsed


def _problem(value: object, depth: int = 0) -> str:
    """What is wrong with metadata that is shown to people and written again, "" for nothing."""
    if depth > MAX_METADATA_DEPTH:
        return f"it is nested deeper than {MAX_METADATA_DEPTH}"
    if isinstance(value, float) and not math.isfinite(value):
        return "it has a number that is too large"
    if isinstance(value, str) and not all(letter.isprintable() or letter in "\n\t" for letter in value):
        return f"it has a text with signs that cannot be shown ({ascii(value)[:60]})"
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((problem for item in inner if (problem := _problem(item, depth + 1))), "")


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number that JSON knows")
