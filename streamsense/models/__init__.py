"""Models: what they are made from, how they are checked, run and brought here."""
