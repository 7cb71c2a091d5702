"""Answers of the admin API: JSON that a person can read."""

from collections.abc import Mapping

import orjson
from aiohttp import web


def as_json(value: Mapping[str, object], status: int = 200) -> web.Response:
    """Make an answer of a JSON object."""
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_INDENT_2), status=status, content_type="application/json"
    )
