"""The tutorial of one's own model, in a short form: record sessions, learn from them, score with what was learned."""

from __future__ import annotations

import pytest

from tests.docs.documents import OWN_MODEL
from tests.docs.test_commands import follow


@pytest.mark.slow
def test_what_the_tutorial_says_can_be_done(tmp_path):
    follow(OWN_MODEL, tmp_path)
