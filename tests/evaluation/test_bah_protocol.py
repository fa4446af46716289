"""BAH's protocol on lists and annotations in the published layout, against figures that scikit-learn gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from streamsense.datasets.bah_frames import frame_labels, published_parts
from streamsense.errors import DatasetError, EvaluationError
from streamsense.evaluation.bah_protocol import by_frame, by_video, scores_at_frames
from streamsense.fusion.ambivalence import PRIOR

NAMES = {
    "train": "82557_Question_1_2024-08-22 14-46-11_Video",
    "val": "82579_Question_2_2024-10-02 16-05-28_Video",
    "test": "82625_Question_4_2024-11-06_07-47-07_Video",
}


def published(folder: Path, frames: int = 40) -> Path:
    """The annotation file, beside the lists: a third of each video's pictures is ambivalent."""
    lists = folder / "split-0"
    lists.mkdir(parents=True)
    lines = []
    for part, name in NAMES.items():
        person = name.partition("_")[0]
        (lists / f"{part}.txt").write_text(f"Videos/{person}/Visite_1/{name}.mp4,1,Well, I, um\n", encoding="utf-8")
        lines += [f"{person}/Visite 1/{name}.mp4:", "  global_ah: 1", "  frame_annotation:"]
        lines += [f"  - [{name}/frame-{at + 1:05d}.jpg, {int(at >= 26)}]" for at in range(frames)]
    file = folder / "video_annotation.yaml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_annotations_and_parts_are_read_as_published(tmp_path: Path) -> None:
    labels = frame_labels(published(tmp_path))
    assert set(labels) == set(NAMES.values())
    assert labels[NAMES["test"]].tolist() == [0] * 26 + [1] * 14
    assert published_parts(tmp_path) == {name: part for part, name in NAMES.items()}


def test_a_picture_that_was_not_annotated_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "annotation.yml"
    file.write_text("a/v.mp4:\n  frame_annotation: [[frame-1.jpg, 0], [frame-4.jpg, 1]]\n")
    labels = frame_labels(file)["v"]
    assert labels.tolist() == [0, -1, -1, 1]
    assert by_frame({"v": labels}, {"v": np.array([0.1, 0.9, 0.9, 0.9])}).average_f1 == 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "no mapping of videos"),
        ("v.mp4: {other: 1}", "no list frame_annotation"),
        ("v.mp4: {frame_annotation: [[frame-1.jpg, 2]]}", "the row"),
        ("v.mp4: {frame_annotation: [[frame-1.jpg, 0], [frame-999999999.jpg, 0]]}", "pictures numbered"),
        ("v: [", "is no YAML"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "annotation.yml"
    file.write_text(text)
    with pytest.raises(DatasetError, match=said):
        frame_labels(file)


def test_a_person_in_two_parts_is_refused(tmp_path: Path) -> None:
    published(tmp_path)
    with (tmp_path / "split-0" / "test.txt").open("a") as file:
        file.write("Videos/82557/Visite_2/82557_Question_7_x_Video.mp4,0,text\n")
    with pytest.raises(DatasetError, match=r"its person also in train\.txt"):
        published_parts(tmp_path)


def test_scores_at_frames_are_those_of_ticks_before(tmp_path: Path) -> None:
    ticks, scores = np.array([0.2, 0.4]), np.array([0.5, 0.9])
    assert scores_at_frames(ticks, scores, 5, 10.0).tolist() == [PRIOR, PRIOR, 0.5, 0.5, 0.9]


def test_the_figures_are_scikit_learns_and_stand_beside_the_published_floors(tmp_path: Path) -> None:
    labels = frame_labels(published(tmp_path))
    rng = np.random.default_rng(0)
    scores = {name: np.clip(0.3 * one + rng.random(len(one)), 0, 1) for name, one in labels.items()}
    found = by_frame(labels, scores)
    truth, given = np.concatenate(list(labels.values())), np.concatenate([scores[name] for name in labels])
    assert found.cases == len(truth) == 120
    assert found.average_f1 == pytest.approx(f1_score(truth, given >= 0.5, average="macro"))
    assert found.f1_ambivalent == pytest.approx(f1_score(truth, given >= 0.5))
    assert found.average_precision == pytest.approx(average_precision_score(truth, given))
    # What BAH's test parts were published with: 19.6 % of the frames, 60.6 % of the videos.
    frames = by_frame({"v": (np.arange(1000) < 196).astype(np.int8)}, {"v": rng.random(1000)})
    assert frames.floors.always_0 == pytest.approx(0.446, abs=5e-4)
    videos = by_video({str(at): int(at < 606) for at in range(1000)}, {str(at): rng.random(3) for at in range(1000)})
    assert (videos.floors.always_0, videos.floors.always_1) == pytest.approx((0.283, 0.377), abs=5e-4)


def test_a_video_is_what_its_highest_score_says_and_none_may_be_missing() -> None:
    truth = {"a": 1, "b": 0}
    assert by_video(truth, {"a": np.array([0.1, 0.8]), "b": np.array([0.2])}).average_f1 == 1.0
    with pytest.raises(EvaluationError, match="1 of 2 videos have no scores"):
        by_video(truth, {"a": np.array([0.8])})
    with pytest.raises(EvaluationError, match="2 annotated pictures and 1 scores"):
        by_frame({"a": np.array([0, 1], np.int8)}, {"a": np.array([0.1])})
