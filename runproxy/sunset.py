"""Sunset: what an endpoint answers that its service has closed, told apart from what a living one answers.

OpenAI's routes of the Assistants API answer 404 since 2026-08-26, with an empty body. A living service that knows no
such thread or run answers 404, too, but says so in an error object.
"""

from http import HTTPStatus

from runproxy.messages import Request, Response
from runproxy.routes import closed_template


def sunset_template(request: Request, response: Response) -> str | None:
    """Give the template of the endpoint that a whole answer shows to be closed; None where it shows no such thing.

    An answer does where all of this holds: its status is 404; its body is empty, or nothing but white space; and the
    call was to an endpoint of the Assistants API, by whatever method and below whatever prefix. An answer to HEAD has
    no body in any case, so there the answer to GET must have none: its Content-Length is 0.
    """
    if response.status != HTTPStatus.NOT_FOUND or response.body.strip():
        return None
    if request.method == "HEAD" and response.headers.get("Content-Length") != "0":
        return None
    return closed_template(request.path)
