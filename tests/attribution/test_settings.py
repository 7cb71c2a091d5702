"""How calls are attributed, as people write it: what is taken, and what is told with its place."""

from typing import Any

import pytest

from runproxy.attribution import AttributionSettings
from runproxy.attribution.settings import CLAIMS, parse_network
from runproxy.config import make_settings
from runproxy.errors import ConfigError

OWN_HEADER = "a header of its own was expected, such as 'X-Team'"
ONE, TWO = f"fp_{'0' * 32}", f"fp_{'1' * 32}"


def told(attribution: dict[str, Any]) -> str:
    """Give what is said about settings that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        make_settings({"attribution": attribution}, "team.toml")
    return caught.value.message


def test_by_itself_a_credential_comes_first_and_claims_last() -> None:
    """The default order is that of trust, and nobody is trusted to name a team for others."""
    settings = AttributionSettings()
    assert settings.order == ("credential", "header", "project", "organization", "prefix")
    assert (settings.header, settings.trusted_networks, settings.key_file, settings.teams) == (
        "X-Runproxy-Team",
        (),
        "",
        {},
    )
    assert {"project", "organization", "prefix"} == CLAIMS


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([], id="nothing"),
        pytest.param(["prefix"], id="claims-alone"),
        pytest.param(["organization", "project", "header"], id="claims-in-any-order"),
        pytest.param(["header", "credential", "prefix"], id="gateway-first"),
        pytest.param(["credential", "prefix", "header"], id="claim-before-gateway"),
        pytest.param(["credential"], id="credential-alone"),
    ],
)
def test_an_order_without_a_claim_before_the_credential_is_taken(order: list[str]) -> None:
    """Which sources are asked, and in which order, is free but for that."""
    assert make_settings({"attribution": {"order": order}}, "team.toml").attribution.order == tuple(order)


@pytest.mark.parametrize(
    ("order", "claim"),
    [
        pytest.param(["prefix", "credential"], "prefix", id="prefix"),
        pytest.param(["project", "header", "credential"], "project", id="project"),
        pytest.param(["header", "organization", "credential", "prefix"], "organization", id="organization"),
    ],
)
def test_a_claim_never_comes_before_the_credential(order: list[str], claim: str) -> None:
    """Such an order is refused when it is read, with the reason."""
    assert told({"order": order}) == (
        f"team.toml: attribution.order: {claim!r} is what a client says of itself, which never comes before its "
        f"'credential'; found {order!r}."
    )


@pytest.mark.parametrize(
    ("attribution", "message"),
    [
        pytest.param(
            {"order": ["header", "header"]},
            "attribution.order: a source stands there more than once; found ['header', 'header'].",
            id="source-twice",
        ),
        pytest.param(
            {"order": ["cookie"]},
            "attribution.order.0: Input should be 'credential', 'header', 'project', 'organization' or 'prefix'; "
            "found 'cookie'.",
            id="no-source",
        ),
        pytest.param({"header": ""}, f"attribution.header: {OWN_HEADER}; found ''.", id="no-header"),
        pytest.param({"header": "X Team"}, f"attribution.header: {OWN_HEADER}; found 'X Team'.", id="blank"),
        pytest.param({"header": "X_Team"}, f"attribution.header: {OWN_HEADER}; found 'X_Team'.", id="underscore"),
        pytest.param({"header": "Host"}, f"attribution.header: {OWN_HEADER}; found 'Host'.", id="header-of-http"),
        pytest.param(
            {"order": ["project"], "teams": {"a": {"credentials": [ONE]}}},
            "attribution: order: a team lists credentials, and 'credential' is not asked for.",
            id="credentials-that-nobody-asks-for",
        ),
        pytest.param(
            {"teams": {"a b": {}}},
            "attribution.teams.a b.[key]: String should match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'; "
            "found 'a b'.",
            id="name-of-a-team",
        ),
        pytest.param(
            {"trusted_networks": ["10.0.0.0/8", "10.0.0.1/8"]},
            "attribution.trusted_networks: '10.0.0.1/8' is no network such as '10.0.0.0/8' or '::1/128'; "
            "found ['10.0.0.0/8', '10.0.0.1/8'].",
            id="address-with-a-mask",
        ),
        pytest.param(
            {"trusted_networks": ["gateway.example"]},
            "attribution.trusted_networks: 'gateway.example' is no network such as '10.0.0.0/8' or '::1/128'; "
            "found ['gateway.example'].",
            id="name-for-a-network",
        ),
        pytest.param(
            {"teams": {"search": {"project": "p"}}},
            "attribution.teams.search.project: no such setting. Did you mean 'attribution.teams.search.projects'?",
            id="typo",
        ),
        pytest.param(
            {"teams": {"search": {"projects": [""]}}},
            "attribution.teams.search.projects.0: String should have at least 1 character; found ''.",
            id="empty-project",
        ),
        pytest.param(
            {"teams": {"a": {"credentials": [ONE]}, "b": {"credentials": [TWO, ONE]}}},
            f"attribution.teams: {ONE} is among the credentials of both 'a' and 'b'.",
            id="credential-of-two",
        ),
        pytest.param(
            {"teams": {"a": {"projects": ["p"]}, "b": {"projects": ["p"]}}},
            "attribution.teams: p is among the projects of both 'a' and 'b'.",
            id="project-of-two",
        ),
        pytest.param(
            {"teams": {"a": {"organizations": ["o"]}, "b": {"organizations": ["x", "o"]}}},
            "attribution.teams: o is among the organizations of both 'a' and 'b'.",
            id="organization-of-two",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(attribution: dict[str, Any], message: str) -> None:
    """File, path, what is wrong, and what was found."""
    assert told(attribution) == f"team.toml: {message}"


@pytest.mark.parametrize("mark", ["sk-a-real-key", "fp_", ONE.upper(), f"{ONE}0", f"{ONE}\n", f" {ONE}"], ids=repr)
def test_a_credential_is_written_as_a_fingerprint(mark: str) -> None:
    """Anything else is refused, with the place and the command that prints one."""
    assert told({"teams": {"a": {"credentials": [mark]}}}) == (
        "team.toml: attribution.teams.a.credentials.0: that is no fingerprint; 'runproxy fingerprint' prints the one "
        "of a credential."
    )


@pytest.mark.parametrize("form", [["sk-a-real-key-0123456789"], "sk-a-real-key-0123456789"], ids=["list", "text"])
def test_a_credential_that_was_written_in_place_of_its_fingerprint_is_not_repeated(form: object) -> None:
    """The message ends up in terminals and logs, where the key must not be."""
    message = told({"teams": {"a": {"credentials": form}}})
    assert "attribution.teams.a.credentials" in message
    assert "sk-a-real-key" not in message


@pytest.mark.parametrize("team", ["sk-a-real-key-0123456789", ["sk-a-real-key-0123456789"]], ids=["text", "list"])
def test_a_credential_in_place_of_the_table_of_a_team_is_not_repeated(team: object) -> None:
    """A table is asked for, without what stands in its place."""
    message = told({"teams": {"a": team}})
    assert message.startswith("team.toml: attribution.teams.a: a table [attribution.teams.a] was expected")
    assert "sk-a-real-key" not in message


def test_one_text_stands_for_a_list_of_one() -> None:
    """A team with one credential, project and organization needs no brackets."""
    (team,) = make_settings(
        {"attribution": {"teams": {"a": {"credentials": ONE, "projects": "p", "organizations": "o"}}}}, "team.toml"
    ).attribution.teams.values()
    assert (team.credentials, team.projects, team.organizations) == ((ONE,), ("p",), ("o",))


def test_one_mark_may_stand_twice_for_one_team_and_for_other_kinds_of_marks() -> None:
    """Only two owners leave open whose a call is."""
    teams = {"a": {"projects": ["x", "x"], "organizations": ["x"]}, "b": {"organizations": ["y"], "projects": ["z"]}}
    assert make_settings({"attribution": {"teams": teams}}, "team.toml").attribution.teams["a"].projects == ("x", "x")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("10.0.0.0/8", 2**24, id="ipv4"),
        pytest.param("10.1.2.3", 1, id="address"),
        pytest.param("::1/128", 1, id="ipv6"),
        pytest.param("fd00::/120", 256, id="ipv6-network"),
        pytest.param("0.0.0.0/0", 2**32, id="everybody"),
    ],
)
def test_a_network_is_read_in_both_families(text: str, count: int) -> None:
    """A single address is a network of one."""
    assert parse_network(text).num_addresses == count
