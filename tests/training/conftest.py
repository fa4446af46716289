"""What the tests of training share: their own cache, and the windows of a few people and speakers."""

import pytest

from streamsense.training.eeg_tables import eegmat_table
from streamsense.training.voice_clips import emodb_clips
from streamsense.training.voice_tables import Take, play


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test reads what an earlier run has kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMSENSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def six_people(data_folder):
    """Every sixth window of the first six people of EEGMAT."""
    people = [f"Subject{number:02}" for number in range(6)]
    table = eegmat_table(data_folder / "eegmat", people)
    return table.take(range(0, len(table), 6))


@pytest.fixture(scope="session")
def acted_clips(data_folder):
    """Every third acted sentence of four speakers of EmoDB."""
    return [clip for clip in emodb_clips(data_folder / "emodb") if clip.speaker in ("10", "12", "14", "16")][::3]


@pytest.fixture(scope="session")
def acted_table(acted_clips):
    """Their windows, in one order."""
    return play(acted_clips, Take(0))
