"""Recordings of other tools read into cassettes, and cassettes written for other tools: one module per format."""
