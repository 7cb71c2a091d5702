"""A recording, guarding and replaying HTTP proxy for run modifications."""

__version__ = "0.1.0"
