"""A simulated upstream for the demo, the tests and the benchmarks: OpenAI, Azure OpenAI and the other providers."""

from simulator.record import Received
from simulator.script import Script
from simulator.server import Simulator

__all__ = ["Received", "Script", "Simulator"]
