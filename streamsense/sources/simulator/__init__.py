"""A simulated participant: EEG, camera pictures and voice that follow a script whose truth is known."""

from streamsense.sources.simulator.participant import FaceDrive, Participant
from streamsense.sources.simulator.script import SCRIPTS, Script, State, Truth

__all__ = ["SCRIPTS", "FaceDrive", "Participant", "Script", "State", "Truth"]
