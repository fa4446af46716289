"""One feature operator per modality, and what they are made of."""
