"""A simulated OpenAI and Azure OpenAI upstream for the demo, the tests and the benchmarks."""

from simulator.record import Received
from simulator.script import Script
from simulator.server import Simulator

__all__ = ["Received", "Script", "Simulator"]
