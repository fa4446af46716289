"""The parts of the pipeline: what comes in, what is known of the participant, how a tick is scored."""
