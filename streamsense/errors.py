"""The errors that streamsense raises on purpose: each says what was found, what was expected and what to do.

StreamsenseError
├── ConfigError          a configuration file that cannot be used
├── SourceError          a stream, camera, microphone or file that cannot be opened or read
│   ├── StreamNotFound   no stream matches
│   └── AmbiguousStream  more than one stream matches
├── RecordingError       a recording that cannot be read
├── SinkError            scores that cannot be written where they were wanted
├── ModelError           a model file that is missing, damaged or of the wrong contract
├── DatasetError         a folder of labelled recordings that is missing or laid out otherwise
├── EvaluationError      a split that leaks, or figures that cannot be computed honestly
└── DependencyError      a library or system package that is missing or in the way
"""


class StreamsenseError(Exception):
    """Base of all errors a user can mend; the command line prints its message and exits with `exit_code`."""

    exit_code = 2


class ConfigError(StreamsenseError):
    """The configuration cannot be used."""


class SourceError(StreamsenseError):
    """A source of data cannot be opened or read."""


class StreamNotFound(SourceError):
    """No stream on the network matches what was asked for."""


class AmbiguousStream(SourceError):
    """More than one stream matches what was asked for."""


class RecordingError(StreamsenseError):
    """A recording cannot be read."""


class SinkError(StreamsenseError):
    """Scores or notices cannot be written where they were wanted."""


class ModelError(StreamsenseError):
    """A model file is missing, damaged, or does not fit the features."""


class DatasetError(StreamsenseError):
    """A set of labelled recordings cannot be read as its publishers laid it out."""


class EvaluationError(StreamsenseError):
    """What was asked cannot be evaluated, or not honestly."""


class DependencyError(StreamsenseError):
    """A library or a system package is missing, or two of them are in each other's way."""
