"""The provider without a protocol or a clock: a state machine over the values of ``values``."""

from mock_provider.engine.counters import EngineState
from mock_provider.engine.engine import Engine
from mock_provider.engine.lifecycle import IllegalTransitionError
from mock_provider.engine.views import AccountState, JourneyView, MessageView, NumberView

__all__ = [
    "AccountState",
    "Engine",
    "EngineState",
    "IllegalTransitionError",
    "JourneyView",
    "MessageView",
    "NumberView",
]
