"""Shapes: what text is taken for an e-mail address, a telephone number, a payment card or a token, and what is not."""

import random
import string
import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.shapes import (
    SHAPES,
    find_token,
    finds,
    holds_card,
    holds_email,
    holds_phone,
    holds_token,
    passes_luhn,
)

FULL_WIDTH = {ord(char): ord(char) + 0xFEE0 for char in string.digits + string.ascii_letters + "@.+-()"}
CARD = "4111111111111111"  # the number that payment services give for tests
START = datetime(2024, 11, 4, 10, 30, tzinfo=UTC)


def shapes_of(text: str) -> list[str]:
    """Name every shape that a text holds."""
    return [shape for shape in SHAPES if finds(shape, text)]


def a(count: int) -> str:
    """Make filler; a literal token in a test file would be reported by scanners."""
    return "a" * count


EMAILS = [
    pytest.param("user@example.com", id="plain"),
    pytest.param("first.last+tag@mail.example.co.uk", id="tag-and-subdomains"),
    pytest.param("<user@example.com>", id="in-brackets"),
    pytest.param("mailto:user@example.com?subject=x", id="link"),
    pytest.param("write to user@example.com, please", id="in-a-sentence"),
    pytest.param("USER@EXAMPLE.COM", id="capitals"),
    pytest.param("jürgen@müller.example", id="umlauts"),
    pytest.param("用户@例子.公司", id="chinese"),
    pytest.param("user@xn--mller-kva.example", id="punycode"),
    pytest.param("o'neil@example.com", id="apostrophe"),
    pytest.param("user@mail-1.example.com", id="dash-and-digit"),
    pytest.param("user@example.com".translate(FULL_WIDTH), id="full-width"),
    pytest.param("user\ufe6bexample.com", id="small-at-sign"),
]
NO_EMAILS = [
    pytest.param("", id="empty"),
    pytest.param("@", id="at-sign"),
    pytest.param("user@localhost", id="no-domain"),
    pytest.param("@example.com", id="nobody"),
    pytest.param("user @example.com", id="space-before"),
    pytest.param("user@ example.com", id="space-after"),
    pytest.param("user@example.c", id="one-letter"),
    pytest.param("user@.com", id="empty-label"),
    pytest.param("user@-example", id="dash"),
    pytest.param("user@10.0.0.1", id="address-of-a-machine"),
    pytest.param("pkg@1.2.3", id="package-version"),
    pytest.param("@scope/name@4.17.21", id="scoped-package"),
    pytest.param("a @ b. com", id="prose"),
    pytest.param("image@sha256:0123456789abcdef", id="digest"),
    pytest.param("user(at)example.com", id="written-out"),
]


@pytest.mark.parametrize("text", EMAILS)
def test_an_email_address_is_found(text: str) -> None:
    """With any letters, in any place of a text, in any compatible form."""
    assert finds("email", text)


@pytest.mark.parametrize("text", NO_EMAILS)
def test_what_is_no_email_address_is_not_found(text: str) -> None:
    """An at sign alone makes no address."""
    assert not finds("email", text)


PHONES = [
    pytest.param("+14155552671", id="e164"),
    pytest.param("+1 415 555 2671", id="spaces"),
    pytest.param("+1 (415) 555-2671", id="brackets"),
    pytest.param("(415) 555-2671", id="north-america"),
    pytest.param("(415)555-2671", id="no-space"),
    pytest.param("415-555-2671", id="dashes"),
    pytest.param("415.555.2671", id="dots"),
    pytest.param("1-415-555-2671", id="trunk-prefix"),
    pytest.param("+49 30 901820", id="germany"),
    pytest.param("+49 (0)30/901820", id="germany-brackets"),
    pytest.param("0049 30 901820", id="double-zero"),
    pytest.param("+86 138 0013 8000", id="china"),
    pytest.param("call +14155552671.", id="in-a-sentence"),
    pytest.param("tel:+14155552671", id="link"),
    pytest.param("+123456789012345", id="longest"),
    pytest.param("+12345678", id="shortest"),
    pytest.param("+14155552671".translate(FULL_WIDTH), id="full-width"),
    pytest.param("(415) 555-2671".translate(FULL_WIDTH), id="full-width-north-america"),
]
NO_PHONES = [
    pytest.param("", id="empty"),
    pytest.param("4155552671", id="bare-digits"),
    pytest.param("+1234567", id="too-short"),
    pytest.param("+1234567890123456", id="too-long"),
    pytest.param("+0123456789", id="no-country-begins-with-zero"),
    pytest.param("x+14155552671", id="inside-a-word"),
    pytest.param("1+14155552671", id="a-sum"),
    pytest.param("+14155552671x", id="goes-on-with-a-letter"),
    pytest.param("555-2671", id="local"),
    pytest.param("41-5555-2671", id="other-groups"),
    pytest.param("415-555-26710", id="group-too-long"),
    pytest.param("1415-555-2671", id="group-too-long-in-front"),
    pytest.param("3.415.555.2671", id="a-part-of-dotted-numbers"),
    pytest.param("2024-11-04", id="date"),
    pytest.param("11/04/2024", id="date-with-slashes"),
    pytest.param("123-45-6789", id="three-two-four"),
    pytest.param("+1.5e+10", id="number"),
    pytest.param("-0.0012345678", id="fraction"),
]


@pytest.mark.parametrize("text", PHONES)
def test_a_telephone_number_is_found(text: str) -> None:
    """With a country code, or as written in North America."""
    assert finds("phone", text)


@pytest.mark.parametrize("text", NO_PHONES)
def test_what_is_no_telephone_number_is_not_found(text: str) -> None:
    """Bare digits may be any number, and so may what stands inside a longer one."""
    assert not finds("phone", text)


CARDS = [
    pytest.param(CARD, id="visa"),
    pytest.param("4222222222222", id="visa-of-13"),
    pytest.param("5555555555554444", id="mastercard"),
    pytest.param("2223003122003222", id="mastercard-2"),
    pytest.param("378282246310005", id="amex"),
    pytest.param("30569309025904", id="diners"),
    pytest.param("6011111111111117", id="discover"),
    pytest.param("6205500000000000004", id="unionpay-of-19"),
    pytest.param("4111 1111 1111 1111", id="spaces"),
    pytest.param("4111-1111-1111-1111", id="dashes"),
    pytest.param("3782 822463 10005", id="groups-of-amex"),
    pytest.param(f"card={CARD};", id="between-signs"),
    pytest.param("4111 1111 1111 1111 12 25", id="date-after"),
    pytest.param("12 4111 1111 1111 1111", id="number-before"),
    pytest.param(CARD.translate(FULL_WIDTH), id="full-width"),
    pytest.param("4111\u00a01111\u00a01111\u00a01111", id="no-break-spaces"),
]
NO_CARDS = [
    pytest.param("", id="empty"),
    pytest.param("4111111111111112", id="check-digit-wrong"),
    pytest.param("411111111111", id="12-digits"),
    pytest.param("41111111111111111111", id="20-digits"),
    pytest.param("0000000000000000", id="zeros"),
    pytest.param("1111111111111117", id="no-issuer-begins-with-1"),
    pytest.param("7111111111111114", id="no-issuer-begins-with-7"),
    pytest.param("9111111111111110", id="no-issuer-begins-with-9"),
    pytest.param("4111.1111.1111.1111", id="dots"),
    pytest.param("4111  1111  1111  1111", id="two-spaces"),
    pytest.param("4111,1111,1111,1111", id="list"),
    pytest.param(f"1{CARD}", id="inside-a-longer-number"),
    pytest.param("4111 1111 1111", id="three-groups"),
]


@pytest.mark.parametrize("text", CARDS)
def test_the_number_of_a_payment_card_is_found(text: str) -> None:
    """Of every issuer, with groups as people write them, in any place of a text."""
    assert finds("credit_card", text)


@pytest.mark.parametrize("text", NO_CARDS)
def test_what_is_no_number_of_a_payment_card_is_not_found(text: str) -> None:
    """Length, first digit and check digit all have to fit."""
    assert not finds("credit_card", text)


@pytest.mark.parametrize(
    ("digits", "passes"),
    [
        pytest.param("79927398713", True, id="the-example-of-the-standard"),
        pytest.param("79927398710", False, id="another-check-digit"),
        pytest.param("0", True, id="zero"),
        pytest.param("18", True, id="even-length"),
        pytest.param("26", True, id="doubled"),
        pytest.param("59", True, id="doubled-above-nine"),
    ],
)
def test_the_check_digit_is_that_of_the_standard(digits: str, passes: bool) -> None:
    """Every second digit from the right is doubled, and the digits of what comes out are added."""
    assert passes_luhn(digits) is passes


@settings(deadline=None, max_examples=200)
@given(digits=st.text(string.digits, min_size=1, max_size=25), place=st.integers(0, 24), other=st.integers(1, 9))
def test_exactly_one_check_digit_fits_and_a_wrong_digit_is_seen(digits: str, place: int, other: int) -> None:
    """Of ten check digits one passes, and no change of a single digit does."""
    (whole,) = [digits + last for last in string.digits if passes_luhn(digits + last)]
    place %= len(whole)
    changed = str((int(whole[place]) + other) % 10)
    assert not passes_luhn(whole[:place] + changed + whole[place + 1 :])


@settings(deadline=None, max_examples=200)
@given(
    digits=st.text(string.digits, min_size=15, max_size=15),
    first=st.sampled_from(["4", "51", "6011"]),
    sizes=st.sampled_from([(4, 4, 4, 4), (4, 6, 5), (4, 6, 4)]),
    separator=st.sampled_from(["", " ", "-"]),
)
def test_a_number_of_a_card_is_found_however_it_is_printed(
    digits: str, first: str, sizes: tuple[int, ...], separator: str
) -> None:
    """In the groups of its issuer, parted by spaces or dashes or by nothing."""
    first = {15: "34", 14: "36"}.get(sum(sizes), first)
    body = (first + digits)[: sum(sizes) - 1]
    (whole,) = [body + last for last in string.digits if passes_luhn(body + last)]
    groups = (whole[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True))
    grouped = separator.join(groups)
    assert finds("credit_card", f"no. {grouped}.")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(f"sk-{a(20)}", "OpenAI key", id="openai"),
        pytest.param(f"key: sk-proj-{a(20)}", "OpenAI key", id="project"),
        pytest.param(f"ghp_{a(36)}", "GitHub token", id="github"),
        pytest.param(f"github_pat_{a(40)}", "GitHub token", id="github-fine-grained"),
        pytest.param(f"AKIA{a(16).upper()}", "AWS access key", id="aws"),
        pytest.param(f"eyJ{a(8)}.eyJ{a(8)}.{a(8)}", "JSON web token", id="web-token"),
        pytest.param(f"Authorization: Bearer {a(20)}", "bearer token", id="bearer"),
        pytest.param(f"xoxb-{a(10)}", "Slack token", id="shortest"),
        pytest.param("-----BEGIN OPENSSH " + "PRIVATE KEY-----", "private key", id="private-key"),
        pytest.param(f"sk-{a(20)}".translate(FULL_WIDTH), "OpenAI key", id="full-width"),
        pytest.param(f"\ud800 sk-{a(20)}", "OpenAI key", id="beside-a-lone-surrogate"),
    ],
)
def test_a_token_is_found_and_named(text: str, name: str) -> None:
    """The kind of secret is told, and a policy that forbids tokens finds it."""
    assert finds("token", text)
    assert find_token(unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")) == name


NEAR_MISSES = [
    pytest.param("f47ac10b-58cc-4372-a567-0e02b2c3d479", id="uuid"),
    pytest.param("00000000-0000-0000-0000-000000000000", id="uuid-of-zeros"),
    pytest.param("01932b7c-4f5a-7cc3-9ad1-93c5f0a1b2c3", id="uuid-7"),
    pytest.param("2024-11-04T10:30:00Z", id="timestamp"),
    pytest.param("2024-11-04T10:30:00.123456+01:00", id="timestamp-with-zone"),
    pytest.param("2024-11-04 10:30:00 +0100", id="timestamp-of-git"),
    pytest.param("Mon, 04 Nov 2024 10:30:00 -0700", id="timestamp-of-mail"),
    pytest.param("1730716200", id="epoch-seconds"),
    pytest.param("1730716200123", id="epoch-milliseconds"),
    pytest.param("1730716200123456789", id="epoch-nanoseconds"),
    pytest.param("1730716200.0012345678", id="epoch-with-fraction"),
    pytest.param("2024-11-04", id="date"),
    pytest.param("04.11.2024", id="date-with-dots"),
    pytest.param("11/04/2024", id="date-with-slashes"),
    pytest.param("20241104", id="date-without-separators"),
    pytest.param("192.168.100.200", id="ipv4"),
    pytest.param("10.0.0.1:8080", id="ipv4-with-port"),
    pytest.param("2001:db8:0012:3456:7890:abcd:0:1", id="ipv6"),
    pytest.param("00:1a:2b:3c:4d:5e", id="hardware-address"),
    pytest.param("run_abc123", id="run"),
    pytest.param("run_9aBcD3fGhIjK1mNoPqRsTuVw", id="run-as-given"),
    pytest.param("thread_0123456789012345678901234", id="thread-of-digits"),
    pytest.param("req_0123456789abcdef0123456789abcdef", id="request"),
    pytest.param("1.2.3", id="version"),
    pytest.param("2024.11.04-rc.1+build.1234567", id="version-with-build"),
    pytest.param("131.0.6778.86", id="version-of-a-browser"),
    pytest.param("10.0.19045.5131", id="version-of-a-system"),
    pytest.param("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", id="sha256"),
    pytest.param("0012345678901234567890123456789012345678901234567890123456789012", id="sha256-of-digits"),
    pytest.param("da39a3ee5e6b4b0d3255bfef95601890afd80709", id="sha1"),
    pytest.param("task-4711-risk-12", id="words-with-dashes"),
    pytest.param("12,345,678.90 EUR", id="money"),
    pytest.param("https://example.com/a/b?c=d", id="address-of-a-page"),
]


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_ordinary_values_of_metadata_have_no_shape(text: str) -> None:
    """Ids, times, addresses, versions and digests are what metadata is for."""
    assert shapes_of(text) == []


def test_random_uuids_have_no_shape() -> None:
    """Ids that are drawn from all there are are no data about a person."""
    chance = random.Random(1)
    ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(2_000)]
    assert [text for text in ids if shapes_of(text) or shapes_of(text.upper())] == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("00123456-7890-4abc-8def-0123456789ab", id="leading-zeros"),
        pytest.param("a1b2c3d4-0012-4567-8901-23456789abcd", id="zeros-inside"),
    ],
)
def test_a_uuid_with_many_digits_is_no_telephone_number(text: str) -> None:
    """A group that begins with two zeros, with digits after it, is still a part of an id."""
    assert shapes_of(text) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("313874cd-dfbc-423d-b246-548991270564", id="begins-behind-a-letter"),
        pytest.param("69747864-7037-43b9-81da-17869763bac2", id="ends-before-a-letter"),
        pytest.param("61773097-1066-43d1-bbe5-bb98f3938c34", id="first-groups"),
        pytest.param("e676d1c4-6290-4206-8488-c607b5d1e859", id="middle-groups"),
    ],
)
def test_a_uuid_with_many_digits_is_no_number_of_a_card(text: str) -> None:
    """What is a part of longer words and groups is no number, though it has a check digit; one id in 650 has one."""
    assert shapes_of(text) == []


@pytest.mark.parametrize("form", ["%Y%m%d%H%M%S", "%Y%m%d-%H%M%S", "%Y-%m-%d-%H%M%S", "%Y-%m-%d %H %M %S"])
def test_no_timestamp_is_the_number_of_a_card(form: str) -> None:
    """A time to the second has 14 digits and begins with 2, which no card does; one in ten has a check digit."""
    times = ((START + timedelta(seconds=second)).strftime(form) for second in range(60))
    assert [text for text in times if finds("credit_card", text)] == []


def test_no_span_of_dates_is_the_number_of_a_card() -> None:
    """Two dates side by side have 16 digits, and begin with no number that an issuer has."""
    days = [START + timedelta(days=day) for day in range(60)]
    spans = [f"{day:%Y-%m-%d} {day + timedelta(days=1):%Y-%m-%d}" for day in days]
    assert [text for text in spans if finds("credit_card", text)] == []


@pytest.mark.parametrize("shape", SHAPES)
@settings(deadline=None, max_examples=100)
@given(text=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_has_a_shape_or_has_not(shape: str, text: str) -> None:
    """No text ends in an error, and looking twice gives the same."""
    assert finds(shape, text) is finds(shape, text)


@pytest.mark.parametrize(
    ("holds", "text"),
    [
        pytest.param(holds_email, "user@example.com", id="email"),
        pytest.param(holds_phone, "+14155552671", id="phone"),
        pytest.param(holds_card, CARD, id="credit_card"),
        pytest.param(holds_token, f"sk-{a(20)}", id="token"),
    ],
)
def test_each_shape_finds_its_own_and_no_other_does(holds: Callable[[str], bool], text: str) -> None:
    """The four shapes are apart, and each is known by its name in a policy."""
    assert [shape for shape, finder in SHAPES.items() if finder(text)] == [
        shape for shape, finder in SHAPES.items() if finder is holds
    ]


LONG = 200_000
CRAFTED = [
    pytest.param("email", "a@", id="email-at-signs"),
    pytest.param("email", "a@b.", id="email-labels"),
    pytest.param("email", "a-", id="email-dashes"),
    pytest.param("email", "\u00e9@\u00e9-", id="email-letters"),
    pytest.param("phone", "+1", id="phone-signs"),
    pytest.param("phone", "+1 (", id="phone-brackets"),
    pytest.param("phone", "+1234567", id="phone-one-short"),
    pytest.param("phone", "123-456-", id="phone-groups"),
    pytest.param("credit_card", "0", id="card-digits"),
    pytest.param("credit_card", "44444 ", id="card-groups"),
    pytest.param("credit_card", "123456789012-x", id="card-one-short"),
    pytest.param("token", "sk-a.", id="token-marks"),
    pytest.param("token", f"eyJ{a(8)}.eyJa.", id="token-web"),
    pytest.param("token", "-----BEGIN A ", id="token-key"),
    pytest.param("token", "Bearer ", id="token-bearer"),
]


@pytest.mark.parametrize(("shape", "piece"), CRAFTED)
def test_a_long_text_that_nearly_has_a_shape_comes_to_its_end(shape: str, piece: str) -> None:
    """200 KB made of beginnings of a shape are looked through, and hold none."""
    assert not finds(shape, piece * (LONG // len(piece)))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_long_text_of_combining_marks_comes_to_its_end(shape: str) -> None:
    """Marks in an order that normalising has to turn round are not turned round one by one."""
    assert not finds(shape, "a" + "\u0301" * (LONG // 4) + "\u0316" * (LONG // 4))
