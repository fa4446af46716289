"""From the experts' opinions to one score."""
