"""Honest figures: splits by person that refuse leaks, metrics with their floors, intervals over people."""
