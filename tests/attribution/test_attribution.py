"""Whose a call is: which source is asked when, who is believed, and what is disputed."""

from typing import Any

import pytest

from runproxy.attribution import UNKNOWN, Attribution, AttributionSettings, Caller, Fingerprints
from runproxy.attribution.settings import parse_network
from runproxy.attribution.sources import credential_in, is_trusted
from runproxy.errors import Refusal
from runproxy.messages import Request, make_headers

FINGERPRINTS = Fingerprints(b"a-secret-of-32-bytes-for-a-test!", "test")
SEARCH_KEY, ADS_KEY, OTHER_KEY = "sk-made-up-search", "sk-made-up-ads", "sk-made-up-other"
GATEWAY = "10.1.2.3"
TEAMS: dict[str, Any] = {
    "search": {"credentials": [FINGERPRINTS.of(SEARCH_KEY)], "projects": ["p_search"]},
    "ads": {"credentials": [FINGERPRINTS.of(ADS_KEY)], "organizations": ["o_ads"]},
    "labs": {"projects": ["p_labs"], "organizations": ["o_labs"]},
    "interns": {},
}


def attribution(
    fingerprints: Fingerprints | None = FINGERPRINTS, more: tuple[str, ...] = (), **own: Any
) -> Attribution:
    """Make an attribution to the teams above, with settings more."""
    settings = AttributionSettings.model_validate({"teams": TEAMS, "trusted_networks": ["10.0.0.0/8"], **own})
    return Attribution(settings, fingerprints, more)


def call(*headers: tuple[str, str], key: str | None = None, peer: str = "192.0.2.1") -> Request:
    """Make a call with headers, a bearer token if any, and the address it comes from."""
    token = [("Authorization", f"Bearer {key}")] if key else []
    return Request("POST", "/v1/x", make_headers([*token, *headers]), b"", peer)


PROJECT_SEARCH, PROJECT_LABS = ("OpenAI-Project", "p_search"), ("OpenAI-Project", "p_labs")
ORGANIZATION_ADS, ORGANIZATION_LABS = ("OpenAI-Organization", "o_ads"), ("OpenAI-Organization", "o_labs")
FROM_GATEWAY = ("X-Runproxy-Team", "interns")


@pytest.mark.parametrize(
    ("request_", "name", "team", "source"),
    [
        pytest.param(call(key=SEARCH_KEY), None, "search", "credential", id="credential"),
        pytest.param(call(("api-key", ADS_KEY)), None, "ads", "credential", id="azure-key"),
        pytest.param(call(FROM_GATEWAY, peer=GATEWAY), None, "interns", "header", id="header"),
        pytest.param(call(PROJECT_LABS), None, "labs", "project", id="project"),
        pytest.param(call(ORGANIZATION_LABS), None, "labs", "organization", id="organization"),
        pytest.param(call(), "interns", "interns", "prefix", id="prefix"),
        pytest.param(call(), "labs/nightly/run", "labs", "prefix", id="first-part-of-a-name"),
        pytest.param(call(), None, None, None, id="nobody"),
        pytest.param(call(key=OTHER_KEY), None, None, None, id="unknown-credential"),
        pytest.param(call(("OpenAI-Project", "p_other")), None, None, None, id="unknown-project"),
        pytest.param(call(("OpenAI-Project", "")), None, None, None, id="empty-project"),
        pytest.param(call(), "default", None, None, id="name-of-a-cassette"),
        pytest.param(call(), "nightly/labs", None, None, id="last-part-of-a-name"),
        pytest.param(call(), "Labs", None, None, id="case-of-a-name"),
    ],
)
def test_each_source_tells_its_team(request_: Request, name: str | None, team: str | None, source: str | None) -> None:
    """By itself each source is believed, and an unknown mark tells nothing."""
    caller = attribution().caller_of(request_, name)
    assert (caller.team, caller.source, caller.disputed) == (team, source, ())


@pytest.mark.parametrize(
    ("order", "source"),
    [
        pytest.param(["credential", "header", "project", "organization", "prefix"], "credential", id="default"),
        pytest.param(["header", "credential", "project", "organization", "prefix"], "header", id="gateway-first"),
        pytest.param(["credential"], "credential", id="one-source"),
    ],
)
def test_the_first_source_that_knows_a_team_is_believed(order: list[str], source: str) -> None:
    """Where all tell the same, the order decides only which of them is named."""
    teams = {"labs": {"credentials": FINGERPRINTS.of(SEARCH_KEY), "projects": ["p_labs"], "organizations": ["o_labs"]}}
    request = call(("X-Runproxy-Team", "labs"), PROJECT_LABS, ORGANIZATION_LABS, key=SEARCH_KEY, peer=GATEWAY)
    caller = attribution(teams=teams, order=order).caller_of(request, "labs")
    assert caller == Caller("labs", source, FINGERPRINTS.of(SEARCH_KEY))  # type: ignore[arg-type]  # one of the sources


@pytest.mark.parametrize(
    ("order", "source"),
    [
        pytest.param(["prefix", "project", "organization"], "prefix", id="prefix-first"),
        pytest.param(["organization", "prefix"], "organization", id="organization-first"),
        pytest.param(["project"], "project", id="one-source"),
        pytest.param(["header", "prefix"], "header", id="gateway-first"),
        pytest.param([], None, id="none"),
    ],
)
def test_only_the_sources_of_the_order_are_asked(order: list[str], source: str | None) -> None:
    """Among claims any order will do; an empty one knows nobody, and still names the credential."""
    teams = {"labs": {"projects": ["p_labs"], "organizations": ["o_labs"]}}
    request = call(("X-Runproxy-Team", "labs"), PROJECT_LABS, ORGANIZATION_LABS, key=OTHER_KEY, peer=GATEWAY)
    caller = attribution(teams=teams, order=order).caller_of(request, "labs")
    assert (caller.team, caller.source) == ("labs" if source else None, source)
    assert caller.fingerprint == FINGERPRINTS.of(OTHER_KEY)


@pytest.mark.parametrize(
    ("request_", "name", "team", "disputed"),
    [
        pytest.param(call(PROJECT_LABS, key=SEARCH_KEY), None, "search", ("project",), id="project"),
        pytest.param(call(key=SEARCH_KEY), "labs", "search", ("prefix",), id="prefix"),
        pytest.param(call(FROM_GATEWAY, key=SEARCH_KEY, peer=GATEWAY), None, "search", ("header",), id="header"),
        pytest.param(
            call(PROJECT_LABS, ORGANIZATION_ADS, key=SEARCH_KEY),
            "interns",
            "search",
            ("project", "organization", "prefix"),
            id="all-claims",
        ),
        pytest.param(call(PROJECT_SEARCH, key=SEARCH_KEY), "search", "search", (), id="all-agree"),
        pytest.param(call(PROJECT_LABS), "interns", "labs", ("prefix",), id="two-claims"),
        pytest.param(
            call(FROM_GATEWAY, PROJECT_LABS, peer=GATEWAY), None, "interns", ("project",), id="gateway-and-claim"
        ),
    ],
)
def test_what_contradicts_the_one_who_is_believed_is_disputed(
    request_: Request, name: str | None, team: str, disputed: tuple[str, ...]
) -> None:
    """A credential beats every claim, an earlier source a later one, and each contradiction is named."""
    caller = attribution().caller_of(request_, name)
    assert (caller.team, caller.disputed) == (team, disputed)


@pytest.mark.parametrize("key", [None, OTHER_KEY, ADS_KEY], ids=["no-key", "unknown-key", "key-of-another"])
@pytest.mark.parametrize(
    ("header", "name", "source"),
    [
        pytest.param(PROJECT_SEARCH, None, "project", id="project"),
        pytest.param(("X", "y"), "search/nightly", "prefix", id="prefix"),
    ],
)
def test_a_team_that_lists_credentials_cannot_be_claimed_without_one(
    key: str | None, header: tuple[str, str], name: str | None, source: str
) -> None:
    """The claim is disputed, and the call is of whoever the credential tells, or of nobody."""
    caller = attribution().caller_of(call(header, key=key), name)
    assert caller.team == ("ads" if key == ADS_KEY else None)
    assert caller.disputed == (source,)


def test_a_claim_that_its_credential_confirms_is_no_contradiction() -> None:
    """A team with credentials may be named by its members."""
    caller = attribution().caller_of(call(PROJECT_SEARCH, key=SEARCH_KEY), "search/nightly")
    assert (caller.team, caller.source, caller.disputed) == ("search", "credential", ())


def test_a_claim_that_is_not_believed_leaves_the_next_one_its_turn() -> None:
    """A project of a team that cannot be claimed does not keep the prefix from being asked."""
    caller = attribution().caller_of(call(PROJECT_SEARCH), "interns")
    assert (caller.team, caller.source, caller.disputed) == ("interns", "prefix", ("project",))


def test_a_gateway_may_name_any_team() -> None:
    """What it says is no claim of the client: it may be of a team with credentials, or of one that nobody declared."""
    for team in ("search", "team-of.another_house2"):
        caller = attribution().caller_of(call(("X-Runproxy-Team", team), peer=GATEWAY))
        assert (caller.team, caller.source, caller.disputed) == (team, "header", ())


@pytest.mark.parametrize("peer", ["192.0.2.1", "", "11.0.0.1"])
@pytest.mark.parametrize("names", [["interns"], ["interns", "labs"], ["a,b"], [""]], ids=repr)
def test_a_header_that_comes_from_elsewhere_says_nothing(names: list[str], peer: str) -> None:
    """Whatever it holds, it is as if it were not there."""
    headers = [("X-Runproxy-Team", name) for name in names]
    assert attribution().caller_of(call(*headers, peer=peer)) == UNKNOWN


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["interns", "interns"], id="twice"),
        pytest.param(["interns", "labs"], id="two-teams"),
        pytest.param([""], id="empty"),
        pytest.param(["a,b"], id="list"),
        pytest.param(["-a"], id="dash-in-front"),
        pytest.param(["a" * 65], id="too-long"),
        pytest.param(["a\n"], id="line-break"),
        pytest.param(["t\u00e9am"], id="no-ascii"),
    ],
)
def test_a_gateway_that_names_no_team_is_refused(names: list[str]) -> None:
    """A mistake of the gateway must not end in the rules for all, which may be milder; it is told what to send."""
    headers = [("X-Runproxy-Team", name) for name in names]
    with pytest.raises(Refusal) as caught:
        attribution().caller_of(call(*headers, peer=GATEWAY))
    assert (caught.value.status, caught.value.code) == (400, "invalid_team")
    assert caught.value.message == (
        "The header X-Runproxy-Team must name one team, in 1 to 64 letters, digits, '_', '.' and '-'."
    )


def test_the_header_has_the_name_that_was_set() -> None:
    """In any case, and no other header names a team."""
    own = attribution(header="X-Squad")
    assert own.caller_of(call(("x-squad", "labs"), peer=GATEWAY)).team == "labs"
    assert own.caller_of(call(("X-Runproxy-Team", "labs"), peer=GATEWAY)).team is None


@pytest.mark.parametrize(
    ("peer", "networks", "expected"),
    [
        pytest.param("10.1.2.3", ["10.0.0.0/8"], True, id="ipv4"),
        pytest.param("11.1.2.3", ["10.0.0.0/8"], False, id="ipv4-outside"),
        pytest.param("10.1.2.3", ["192.0.2.0/24", "10.1.2.3"], True, id="second-network"),
        pytest.param("::1", ["::1/128"], True, id="ipv6"),
        pytest.param("fd00::7", ["fd00::/8"], True, id="ipv6-network"),
        pytest.param("fe80::1%eth0", ["fe80::/10"], True, id="ipv6-with-a-zone"),
        pytest.param("2001:db8::1", ["fd00::/8"], False, id="ipv6-outside"),
        pytest.param("::ffff:10.1.2.3", ["10.0.0.0/8"], True, id="mapped"),
        pytest.param("::ffff:a01:203", ["10.0.0.0/8"], True, id="mapped-in-hexadecimal"),
        pytest.param("::ffff:11.1.2.3", ["10.0.0.0/8"], False, id="mapped-outside"),
        pytest.param("::10.1.2.3", ["10.0.0.0/8"], False, id="compatible-is-not-mapped"),
        pytest.param("10.1.2.3", ["::/0"], False, id="other-family"),
        pytest.param("10.1.2.3", [], False, id="nobody-is-trusted"),
        pytest.param("", ["0.0.0.0/0"], False, id="empty"),
        pytest.param("unix:", ["0.0.0.0/0"], False, id="no-address"),
        pytest.param("localhost", ["127.0.0.0/8"], False, id="name"),
    ],
)
def test_an_address_is_in_a_network_or_not(peer: str, networks: list[str], expected: bool) -> None:
    """In both families; an IPv4 address may come in the form of IPv6."""
    assert is_trusted(peer, tuple(map(parse_network, networks))) is expected


def test_a_prefix_names_declared_teams_only() -> None:
    """Those with marks, those with rules, and nobody else: a cassette is not a team."""
    known = attribution(more=("rules_only",))
    assert known.caller_of(call(), "rules_only/x").team == "rules_only"
    assert attribution().caller_of(call(), "rules_only/x").team is None


def test_the_fingerprint_is_told_whether_the_credential_is_known_or_not() -> None:
    """It names the credential in the log; without a secret there is none."""
    assert attribution().caller_of(call(key=OTHER_KEY)).fingerprint == FINGERPRINTS.of(OTHER_KEY)
    assert attribution().caller_of(call()).fingerprint is None
    assert attribution(fingerprints=None).caller_of(call(key=SEARCH_KEY)) == UNKNOWN


@pytest.mark.parametrize(
    ("headers", "target", "credential"),
    [
        pytest.param([], "/x", None, id="none"),
        pytest.param([("Authorization", "Bearer k")], "/x", "k", id="bearer"),
        pytest.param([("Authorization", "bearer  k ")], "/x", "k", id="blanks-and-case"),
        pytest.param([("Authorization", "Bearer\tk")], "/x", "k", id="tab"),
        pytest.param([("authorization", "BEARER k")], "/x", "k", id="name-in-small-letters"),
        pytest.param([("Authorization", "k")], "/x", "k", id="no-scheme"),
        pytest.param([("Authorization", "")], "/x", None, id="empty"),
        pytest.param([("Authorization", "Bearer ")], "/x", None, id="scheme-alone"),
        pytest.param([("api-key", " k ")], "/x", "k", id="azure"),
        pytest.param([("X-API-Key", "k")], "/x", "k", id="x-api-key"),
        pytest.param([], "/x?a=1&api-key=k", "k", id="query"),
        pytest.param([], "/x?a=1&api-key=", None, id="empty-query"),
        pytest.param([], "/x?after=k", None, id="harmless-query"),
        pytest.param([("api-key", "k"), ("Authorization", "Bearer k")], "/x?api-key=k", "k", id="one-key-everywhere"),
        pytest.param([("api-key", ""), ("Authorization", "Bearer k")], "/x", "k", id="one-of-two-is-empty"),
        pytest.param([("api-key", "k"), ("Authorization", "Bearer")], "/x", "k", id="beside-a-scheme-alone"),
    ],
)
def test_a_credential_is_a_bearer_token_or_an_api_key(
    headers: list[tuple[str, str]], target: str, credential: str | None
) -> None:
    """Whichever header it comes in, or in the query, the same key is the same credential."""
    assert credential_in(Request("POST", target, make_headers(headers))) == credential


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        pytest.param([("Authorization", "Bearer a"), ("api-key", "b")], "/x", id="bearer-and-key"),
        pytest.param([("api-key", "a"), ("x-api-key", "b")], "/x", id="two-kinds-of-keys"),
        pytest.param([("x-api-key", "a"), ("x-api-key", "b")], "/x", id="one-header-twice"),
        pytest.param([("Authorization", "Bearer a"), ("authorization", "Bearer b")], "/x", id="two-bearer-tokens"),
        pytest.param(
            [("api-key", ""), ("api-key", "b"), ("Authorization", "Bearer a")], "/x", id="behind-an-empty-one"
        ),
        pytest.param([("Authorization", "Bearer a")], "/x?api-key=b", id="header-and-query"),
        pytest.param([], "/x?api-key=a&api-key=b", id="two-in-the-query"),
    ],
)
def test_two_different_credentials_are_refused(headers: list[tuple[str, str]], target: str) -> None:
    """Nobody can tell which of them the upstream goes by, and none is repeated."""
    with pytest.raises(Refusal) as caught:
        attribution().caller_of(Request("GET", target, make_headers(headers)))
    assert (caught.value.status, caught.value.code) == (400, "ambiguous_credential")
    assert caught.value.message == (
        "Your request carries two different credentials; send one, because its team is told by it."
    )


@pytest.mark.parametrize("value", ["Basic dTpw", "Bearer a b", "Bearer a, Bearer b", "Digest x=y", "a b"], ids=repr)
def test_a_credential_of_another_kind_is_refused(value: str) -> None:
    """What an upstream makes of it cannot be told, and so neither can the team; it is not repeated."""
    with pytest.raises(Refusal) as caught:
        attribution().caller_of(call(("Authorization", value)))
    assert (caught.value.status, caught.value.code) == (400, "ambiguous_credential")
    assert caught.value.message == (
        "The team of your request is told by its credential, which must be sent as 'Authorization: Bearer …' or as an "
        "API key."
    )


def test_without_a_secret_credentials_are_not_looked_at() -> None:
    """Where no team is told by its credential, two of them are the upstream's matter."""
    request = Request("GET", "/v1/x", make_headers([("Authorization", "Bearer a"), ("api-key", "b")]))
    assert attribution(fingerprints=None).caller_of(request) == UNKNOWN


def test_nothing_shows_a_credential() -> None:
    """Neither the caller nor the attribution holds one in its repr."""
    known = attribution()
    caller = known.caller_of(call(key=SEARCH_KEY))
    assert SEARCH_KEY not in repr((caller, known, vars(known)))


@pytest.mark.parametrize("field", ["credentials", "projects", "organizations"])
def test_a_mark_that_two_teams_have_is_refused(field: str) -> None:
    """It would leave open whose a call is."""
    mark = FINGERPRINTS.of("x")
    settings = AttributionSettings.model_validate({"teams": {"a": {field: [mark]}, "b": {field: [mark]}}})
    with pytest.raises(ValueError, match="is among the") as caught:
        Attribution(settings)
    assert str(caught.value) == f"{mark} is among the {field} of both 'a' and 'b'"
