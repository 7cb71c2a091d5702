"""Cassettes: recorded interactions, the text they are stored as, and how that text is laid out."""

from runproxy.cassettes.format import FORMAT, decode_interaction, encode_interaction
from runproxy.cassettes.layout import decode
from runproxy.cassettes.model import PLAIN_MATCHER, Cassette, Interaction

__all__ = ["FORMAT", "PLAIN_MATCHER", "Cassette", "Interaction", "decode", "decode_interaction", "encode_interaction"]
