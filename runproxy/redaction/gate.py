"""The gate in front of everything that is written: what holds a credential or a token does not pass.

It searches for every credential this process has seen, in the forms a service could echo it in, and for the shapes
of well-known tokens. What it remembers is bounded, so that no client can make every later call slow.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from runproxy.errors import SecretFound, TooManyCredentials
from runproxy.logs import HELD_BACK
from runproxy.messages import Headers, Request, Response
from runproxy.redaction.forms import credentials_of, forms_of, is_told_apart, views
from runproxy.redaction.needles import Needles
from runproxy.shapes import find_token

MAX_OF_A_REQUEST: Final = 64
"""So many credentials are taken from one request; one that carries more is not recorded."""
MAX_REMEMBERED: Final = 2048
"""So many credentials are searched for; of more, those that were not seen for longest are forgotten."""
_COOKIES_KEPT: Final = 256


class WriteGate:
    """Refuses what holds a credential; it learns credentials from the calls that pass."""

    def __init__(self) -> None:
        self._needles = Needles()
        self._seen = _Memory(MAX_REMEMBERED, self._needles)
        self._cookies = _Memory(_COOKIES_KEPT, self._needles)

    def __repr__(self) -> str:
        return f"WriteGate({len(self._seen)} credentials seen)"

    def learn(self, request: Request) -> None:
        """Remember the credentials of a request: headers that carry one, and query values named like one.

        Raises `TooManyCredentials` when there are more than are searched for; then some are remembered.
        """
        taken: set[str] = set()
        for credential in credentials_of(request):
            if not is_told_apart(credential) or credential in taken:
                continue
            if len(taken) == MAX_OF_A_REQUEST:
                raise TooManyCredentials(MAX_OF_A_REQUEST)
            taken.add(credential)
            self._seen.add(credential)

    def keep(self, headers: Headers) -> None:
        """Search for the credentials in these headers for good: they are runproxy's own, and never forgotten."""
        for credential in credentials_of(Request("GET", "/", headers)):
            if is_told_apart(credential):
                self._needles.add(forms_of(credential))

    def learn_cookies(self, response: Response) -> None:
        """Remember the last cookies that an upstream has handed out; there may be new ones with every answer."""
        for value in response.headers.getall("Set-Cookie", ())[:MAX_OF_A_REQUEST]:
            cookie = value.partition(";")[0].partition("=")[2].strip('"')
            if is_told_apart(cookie):
                self._cookies.add(cookie)

    def remember(self, credentials: Iterable[str]) -> None:
        """Search for these from now on."""
        for credential in credentials:
            if is_told_apart(credential):
                self._seen.add(credential)

    def lets_pass(self, text: str) -> bool:
        """Tell whether a text holds no secret."""
        try:
            self.inspect("", text.encode("utf-8", "surrogateescape"))
        except SecretFound:
            return False
        return True

    def inspect(self, where: str, data: bytes) -> None:
        """Let data pass that holds no secret; raises `SecretFound`, which names the place and the kind."""
        for view in views(data):
            if self._needles.are_in(view):
                raise SecretFound("a credential this process has seen", where)
            if shape := find_token(view):
                raise SecretFound(f"what looks like a secret ({shape})", where)


class CredentialSearch:
    """Finds the credentials that stand in some headers, in the forms in which a text could repeat them."""

    def __init__(self, headers: Headers) -> None:
        found = filter(is_told_apart, credentials_of(Request("GET", "/", headers)))
        forms = frozenset().union(*map(forms_of, found))
        self.longest_bytes = max(map(len, forms), default=0)
        self._needles = Needles()
        self._needles.add(forms)

    def finds(self, text: str | bytes) -> bool:
        """Tell whether a text repeats one of them."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        return any(map(self._needles.are_in, views(data)))


class _Memory:
    """The secrets seen last, at most `most` of them; their forms are among the needles."""

    def __init__(self, most: int, needles: Needles) -> None:
        self._most = most
        self._needles = needles
        self._forms: dict[str, frozenset[bytes]] = {}  # the one seen last is the last

    def __len__(self) -> int:
        return len(self._forms)

    def add(self, secret: str) -> None:
        forms = self._forms.pop(secret, None)
        if forms is None:
            forms = forms_of(secret)
            self._needles.add(forms)
        self._forms[secret] = forms
        if len(self._forms) > self._most:
            self._needles.remove(self._forms.pop(next(iter(self._forms))))


def loggable(request: Request, texts: Mapping[str, str]) -> dict[str, str]:
    """Give texts about a request for a log, but none that holds a credential of it or what looks like one.

    Of a request with too many credentials to look for, nothing is given.
    """
    gate = WriteGate()
    try:
        gate.learn(request)
    except TooManyCredentials:
        return dict.fromkeys(texts, HELD_BACK)
    return {name: text if gate.lets_pass(text) else HELD_BACK for name, text in texts.items()}


def loggable_path(request: Request) -> str:
    """Give the path of a request for a log, unless it holds a credential of that request or what looks like one."""
    return loggable(request, {"path": request.path})["path"]
