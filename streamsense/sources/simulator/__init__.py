"""A simulated participant: EEG, camera pictures and voice that follow a script whose truth is known."""

from streamsense.sources.simulator.participant import FaceDrive, Participant
from streamsense.sources.simulator.script import Script, State, Truth
from streamsense.sources.simulator.scripts import SCRIPTS

__all__ = ["SCRIPTS", "FaceDrive", "Participant", "Script", "State", "Truth"]
