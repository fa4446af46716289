"""streamsense: continuous emotion and ambivalence scores from EEG, face and voice, every 200 ms."""

__version__ = "0.1.0"
