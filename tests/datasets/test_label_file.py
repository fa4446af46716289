"""The description of a lab's labels: what it says is what is read, and what is wrong in it is named."""

import pytest

from streamsense.datasets.lab_labels import MarkerLabels, Meaning, RatingLabels, TableLabels
from streamsense.datasets.label_file import read_label_source
from streamsense.errors import ConfigError


def source_of(tmp_path, text):
    path = tmp_path / "labels.yaml"
    path.write_text(text, encoding="utf-8")
    return read_label_source(path)


def test_markers_ratings_and_tables_become_the_sources_of_labels(tmp_path):
    text = """
    markers:
      stream: Task
      starts:
        film_3: {name: joy, emotion: happy, valence: 0.8, arousal: 0.5, dominance: 0.4}
        rest: {}
      ends: [pause]
    """
    expected = {"film_3": Meaning("joy", "happy", 0.8, 0.5, 0.4), "rest": Meaning("rest")}
    assert source_of(tmp_path, text) == MarkerLabels("Task", expected, ("pause",))
    text = "ratings: {stream: Dial, channels: {valence: val}, low: 1, high: 9, hold: 3, delay: 2.5}"
    assert source_of(tmp_path, text) == RatingLabels("Dial", {"valence": "val"}, 1, 9, 3.0, 2.5)
    found = source_of(tmp_path, text.replace("2.5", "find"))
    assert found.delay_s is None
    assert found.of_instants
    assert source_of(tmp_path, "table: {clock: stamps}") == TableLabels(clock="stamps")
    assert not source_of(tmp_path, "table: {}").of_instants


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected exactly one of markers, ratings, table; found none"),
        ("table: {}\nratings: {stream: a, channels: {valence: b}}", "found ratings, table"),
        ("[1]", "holds a list, expected a mapping with keys such as 'markers'"),
        ("marker: {stream: Task}", "there is no key 'marker'; did you mean 'markers'?"),
        (
            "markers: {stream: Task, starts: {a: {mood: 1}}}",
            r"no key 'markers\.starts\.a\.mood'; did you mean '.*Known here: arousal, dominance, emotion",
        ),
        ("markers: {stream: Task, starts: {}}", r"markers\.starts: .*at least 1"),
        ("markers: {stream: Task, starts: {a: {emotion: jolly}}}", "jolly"),
        ("markers: {stream: Task, starts: {a: {valence: 3}}}", "less than or equal to 1"),
        ("ratings: {stream: a, channels: {mood: b}}", "'valence', 'arousal' or 'dominance'"),
        ("ratings: {stream: a, channels: {valence: b}, low: 5, high: 1}", "low is 5 and high 1, expected a higher"),
        ("ratings: {stream: a, channels: {valence: b}, delay: -1}", "greater than or equal to 0"),
        ("ratings: {stream: a, channels: {valence: b}, delay: seek}", "'find'"),
        ("table: {ending: ../../x}", "ending"),
        ("markers: {stream: Task, starts: {a: {valence: .nan}}}", "finite"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said) as told:
        source_of(tmp_path, text)
    assert "labels.yaml" in str(told.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        read_label_source(tmp_path / "none.yaml")
