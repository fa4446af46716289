"""Builds the shipped models and their cards: `python models_onnx/build.py` in a checkout (needs the package onnx).

The bytes are the same at every run, so a change of a model shows as a change in the repository; `--check` only
compares. Each model carries the contract of the operator that feeds it, taken from that operator, and the commit at
which it was last changed: what comes out as it was keeps the one that it has.
"""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]

from expert_graphs import eeg_graph, face_graph, voice_graph  # noqa: E402
from fusion_graph import fusion_graph  # noqa: E402
from graph_builder import GraphBuilder  # noqa: E402

from streamsense.errors import StreamsenseError  # noqa: E402
from streamsense.features.band_entropy import BandEntropy  # noqa: E402
from streamsense.features.face_features import FaceFeatures  # noqa: E402
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings  # noqa: E402
from streamsense.features.voice_front_end import VoiceFrontEndSettings  # noqa: E402
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS, fusion_contract  # noqa: E402
from streamsense.models.card import CARD_KEY, Card  # noqa: E402
from streamsense.models.code_version import code_version  # noqa: E402
from streamsense.models.contract import CONTRACT_KEY, canonical_json  # noqa: E402
from streamsense.models.session import OnnxModel  # noqa: E402

MADE_BY = "python models_onnx/build.py"
VERSION = "1"
DATE = "2026-11-21"
NOT_TRAINED = "Nothing was trained: the numbers are taken from publications or chosen, and each is named in"
NOT_FELT = (
    "A score is a reading of signs, not proof of what a person feels, and no diagnosis. Signs differ between people, "
    "cultures and situations."
)
NOT_MEASURED = (
    "Not measured against felt or rated emotion: no recording with continuous valence and arousal of all three "
    "modalities was at hand. The graph is tested against a reference computation of its formulas."
)
MEASURED_BY = "tests/models/test_experts_on_recordings.py computes these figures again."

EEG = Card(
    name="eeg_knowledge",
    version=VERSION,
    modality="eeg",
    description=(
        "Valence from frontal alpha asymmetry (ln alpha power right less left over F4–F3, F8–F7, AF4–AF3, AF8–AF7, "
        "Fp2–Fp1, FC4–FC3, mean over the pairs that are present), arousal from half beta less alpha entropy over all "
        "electrodes. Both as change from the person's own baseline, squashed, with wide variances: wider still "
        "without a settled baseline, and next to no evidence without a frontal pair."
    ),
    data=f"{NOT_TRAINED} models_onnx/expert_graphs.py.",
    attribution=(
        "Asymmetry: Davidson (1992), Brain and Cognition 20; Allen, Coan & Nazarian (2004), Biological Psychology 67. "
        "Alpha falls and beta rises with activation: Barry et al. (2007), Clinical Neurophysiology 118. All three as "
        "recalled, not read again for this model. Entropy: Duan, Zhu & Lu (2013)."
    ),
    licence="Apache-2.0",
    evaluation=(
        f"{NOT_MEASURED} Arousal against mental arithmetic (EEGMAT, PhysioNet, ODC-BY 1.0; 24 people, nothing fitted, "
        "baseline the first 60 s of rest, which are not scored): pooled AUC 0.70, per person 0.69 ± 0.29. Rest always "
        "comes first and each condition is one file there, so part of any difference may be the file. Chance is 0.5; "
        "mean absolute change from rest alone reaches 0.83. Closing the eyes lowers arousal (Emotiv Insight, 10 "
        "recordings of one person, AUC 0.65; with beta in full it did not, AUC 0.45, so beta was halved after that was "
        f"seen). {MEASURED_BY}"
    ),
    evidence_dimensions=("valence", "arousal"),
    limits=(
        NOT_FELT,
        "Frontal asymmetry predicts valence weakly and not in everyone; the wide variance says so.",
        "Clenched teeth and a tense brow add beta-band muscle activity, which reads as arousal.",
        "Closing the eyes raises alpha, which reads as calm; drowsiness does too.",
    ),
    made_by=MADE_BY,
    date=DATE,
)
FACE = Card(
    name="face_knowledge",
    version=VERSION,
    modality="face",
    description=(
        "Emotion logits by naive Bayes over action units (how often each unit is seen with each emotion), softened; "
        "valence, arousal and dominance as the mean of the emotions' places, with a share of the mixture's variance "
        "that was fitted on faces acted on a mesh by recipe: how sure it is holds for those, not for felt emotion. "
        "Neutral is the emotion in which every unit is rare, so that it falls with any activity. Contempt "
        "needs a one-sided AU12 or AU14. Made for one face front end, which the contract below names."
    ),
    data=f"{NOT_TRAINED} models_onnx/expert_graphs.py and streamsense/fusion/emotions.py.",
    attribution=(
        "Units by emotion: Du, Tao & Martinez (2014), PNAS 111(15), as recalled; contempt: EMFACS, with chosen "
        "numbers. Places of the emotions: means of Russell & Mehrabian (1977), J. Research in Personality 11, "
        "corroborated in public listings; their standard deviations as recalled. Contempt's place is a choice, because "
        "no published rating could be checked: as unpleasant as anger and disgust, calmer, as dominant as anger."
    ),
    licence="Apache-2.0",
    evaluation=NOT_MEASURED,
    evidence_emotions=EMOTIONS,
    evidence_dimensions=DIMENSIONS,
    limits=(
        NOT_FELT,
        "A posed or polite smile reads as happy.",
        "Speaking moves the mouth; AU25 and AU26 count for less, but not for nothing.",
        "AU15, 17, 23 and 24 are the weakest units of camera-based measurement.",
    ),
    made_by=MADE_BY,
    date=DATE,
)
FACE_BLENDSHAPES = FACE.model_copy(update={"name": "face_knowledge_blendshapes"})
"""The same formulas for action units that come from the other front end."""
VOICE = Card(
    name="voice_knowledge",
    version=VERSION,
    modality="voice",
    description=(
        "Arousal from spectral tilt (0.7) and loudness (0.3) relative to the speaker's own running level, flatter and "
        "louder being more aroused, as far as the window holds voice. How sure was fitted to the places of acted "
        "emotions, of four speakers. Neither valence nor dominance nor emotions."
    ),
    data=f"{NOT_TRAINED} models_onnx/expert_graphs.py.",
    attribution=(
        "Loudness and high-frequency energy rise with arousal: Banse & Scherer (1996), J. Personality and Social "
        "Psychology 70; Juslin & Laukka (2003), Psychological Bulletin 129. As recalled, not read again."
    ),
    licence="Apache-2.0",
    evaluation=(
        f"{NOT_MEASURED} Acted speech (EmoDB, CC0-1.0; 8 speakers, 369 utterances after each speaker's first five, "
        "running normalisation): AUC 0.86 of anger, fear and happiness against sadness, boredom and neutral. That copy "
        "of EmoDB is peak-normalised, so loudness works against it (loudness alone 0.19, tilt alone 0.92). The shares "
        f"of the two were set after that was seen: no independent figure. {MEASURED_BY}"
    ),
    evidence_dimensions=("arousal",),
    limits=(
        NOT_FELT,
        "Moving nearer to the microphone is louder, and reads as arousal until the running level follows.",
        "Automatic gain control of the microphone hides loudness: switch it off.",
    ),
    made_by=MADE_BY,
    date=DATE,
)
VOICE_SILERO = VOICE.model_copy(update={"name": "voice_knowledge_silero"})
"""The same formula for frames of which Silero's net says where somebody speaks."""
BY_SILERO = VoiceFeaturesSettings(front_end=VoiceFrontEndSettings(voice_activity="silero"))
FUSION = Card(
    name="fusion_precision",
    version=VERSION,
    modality="fusion",
    description=(
        "Each dimension is the mean of a normal prior (0, SD 0.5) and of the experts, each weighted by presence × "
        "quality × e^(−age/τ) / variance; τ is 4 s for EEG, 1 s for face, 2 s for voice. An expert's variance is what "
        "is left once it is heard, with the prior in it: the prior is taken out of each and counted once. Experts are "
        "taken to be 1.2 times as precise as they say, in valence up to 5 times that where they agree on the side. "
        "Where one is above the middle and another below, mean and variance go over to the linear pool of the experts "
        "and the prior, by powers of how surely they contradict each other (remembered for 1 s in valence). A "
        "contradiction of 0.3 or more keeps every modality at 0.6 of the weight or less (the cap begins to fall at "
        "0.1). Emotions: log-opinion pool with a prior of 0.3 for neutral and 0.1 for each other; an emotion without "
        "evidence keeps its prior odds. Confidence is 1 less posterior variance over prior variance, mean of the "
        "three dimensions."
    ),
    data=(
        "Nothing was trained. The numbers are taken from publications or chosen, each named in "
        "streamsense/fusion/weighting.py; those of contradiction and narrowing on four speakers of EmoDB, people of "
        "EEGMAT and acted faces (docs/evaluation.md)."
    ),
    attribution=(
        "Precision weighting, the log-opinion pool and the linear pool (Stone 1961) as in textbooks; when which of "
        "them holds, the narrowing and the cap in conflict are the project's own."
    ),
    licence="Apache-2.0",
    evaluation=NOT_MEASURED,
    evidence_emotions=EMOTIONS,
    evidence_dimensions=DIMENSIONS,
    limits=(
        NOT_FELT,
        "The experts' errors are taken as independent; where they are not, the result is too sure.",
        "Most conflict that people annotate involves words, which are not heard here.",
    ),
    made_by=MADE_BY,
    date=DATE,
)


def build(commit: str | None = None) -> dict[str, bytes]:
    """Every file of this folder that is made, by its name; by default each card names the commit that it names now."""
    parts: tuple[tuple[Card, GraphBuilder, dict[str, object]], ...] = (
        (EEG, eeg_graph(), BandEntropy().contract()),
        (FACE, face_graph(), FaceFeatures("mesh468_iris").contract()),
        (FACE_BLENDSHAPES, face_graph(), FaceFeatures("mesh478_blendshapes").contract()),
        (VOICE, voice_graph(), VoiceFeatures().contract()),
        (VOICE_SILERO, voice_graph(), VoiceFeatures(BY_SILERO).contract()),
        (FUSION, fusion_graph(), fusion_contract()),
    )
    files = {}
    for unmarked, graph, contract in parts:
        named = _named_commit(FOLDER / f"{unmarked.name}.onnx") if commit is None else commit
        card = unmarked.model_copy(update={"commit": named})
        metadata = {CARD_KEY: canonical_json(card.model_dump(mode="json")), CONTRACT_KEY: canonical_json(contract)}
        files[f"{card.name}.onnx"] = graph.model(metadata).SerializeToString(deterministic=True)
        files[f"{card.name}.card.md"] = card.markdown(contract).encode()
    return files


def _named_commit(path: Path) -> str:
    """The commit that the card in a model names, "" where there is none."""
    try:
        return OnnxModel(path, "cpu").metadata().card.commit
    except StreamsenseError:
        return ""


def main(arguments: list[str]) -> int:
    """Write the files, or with --check say which differ; the number of differing files is the exit status."""
    different = [
        name
        for name, content in build().items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_bytes() != content
    ]
    if "--check" in arguments:
        sys.stdout.writelines(f"differs: {name}\n" for name in different)
        return len(different)
    models = {name.split(".")[0] for name in different}
    for name, content in (build(code_version()) if models else {}).items():
        if name.split(".")[0] in models:
            (FOLDER / name).write_bytes(content)
            sys.stdout.write(f"written: {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
