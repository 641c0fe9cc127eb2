import pytest

from resolvers.errors import BadUserInput
from resolvers.inputs import email_key, email_of, name_of


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Ada", "Ada"),
        ("  Ada King \n", "Ada King"),
        ("x" * 200, "x" * 200),
        (" " + "x" * 200 + " ", "x" * 200),
        ("Ame\N{COMBINING ACUTE ACCENT}lie", "Am\N{LATIN SMALL LETTER E WITH ACUTE}lie"),
        ("王小明", "王小明"),
        ("👩‍🔬", "👩‍🔬"),
    ],
)
def test_a_name_is_kept_in_one_form_without_white_space_around(typed: str, name: str) -> None:
    assert name_of(typed) == name


@pytest.mark.parametrize("typed", ["", " \t\n", "x" * 201])
def test_a_name_has_1_to_200_characters(typed: str) -> None:
    with pytest.raises(BadUserInput, match="The name must have 1 to 200 characters"):
        name_of(typed)


@pytest.mark.parametrize(
    "typed", ["a\0b", "a\nb", "a\x1b[31mb", "a\ud800b", "a\N{LINE SEPARATOR}b", "a\x7fb"], ids=ascii
)
def test_a_name_has_no_control_characters(typed: str) -> None:
    with pytest.raises(BadUserInput, match="The key's name must not contain control"):
        name_of(typed, what="key's name")


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        ("ada@example.com", "ada@example.com"),
        (" Ada@Example.COM\n", "Ada@example.com"),
        ("ada+cells@mail.example.org", "ada+cells@mail.example.org"),
        ("ada@xn--mnchen-3ya.de", "ada@münchen.de"),
        ("用户@example.com", "用户@example.com"),
    ],
)
def test_an_email_address_is_kept_in_its_normal_form(typed: str, email: str) -> None:
    assert email_of(typed) == email


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "a\0@example.com",
        "a\ud800@example.com",
        "a@b@example.com",
        "a@localhost",
        "a@[127.0.0.1]",
        "Ada <ada@example.com>",
    ],
    ids=ascii,
)
def test_what_is_no_email_address_is_refused(typed: str) -> None:
    with pytest.raises(BadUserInput, match="not an e-mail address"):
        email_of(typed)


def test_an_email_address_too_long_to_be_one_is_not_even_parsed() -> None:
    with pytest.raises(BadUserInput, match="at most 254 characters"):
        email_of("x" * 1_000_000 + "@example.com")


def test_spellings_that_differ_by_case_are_one_address() -> None:
    spellings = ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@Example.com "]
    assert len({email_key(email_of(spelling)) for spelling in spellings}) == 1
    assert email_key(email_of("straße@example.com")) == email_key(email_of("STRASSE@example.com"))
