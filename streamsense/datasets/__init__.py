"""Labelled recordings of many people: one file for each data set, which reads that set's own published layout."""
