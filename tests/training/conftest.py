"""What the tests of training share: their own cache, and the windows of a few people."""

import pytest

from streamsense.training.eeg_tables import eegmat_table


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
