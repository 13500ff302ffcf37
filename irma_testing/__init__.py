"""For test suites, ours and yours: transports that need no server."""

from irma_testing.scripted import AsyncScriptedTransport, ScriptedTransport
from irma_testing.time import ManualClock

__all__ = ["AsyncScriptedTransport", "ManualClock", "ScriptedTransport"]
