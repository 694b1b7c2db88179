"""The provider in real time: engine, protocols, inbox, report calls and journal, joined on an event loop."""
