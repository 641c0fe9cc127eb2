"""What people type: names and e-mail addresses, checked and brought into one form."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from resolvers.errors import BadUserInput

LONGEST_NAME = 200
LONGEST_UPLOAD_ID = 200
_LONGEST_EMAIL = 254
# As many code points may become one in normal form.
_LONGEST_DECOMPOSITION = 4
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def name_of(text: str, *, what: str = "name", longest: int = LONGEST_NAME) -> str:
    """Return the text without white space around it: 1 to ``longest`` characters, in one line.

    Raises BadUserInput, in which ``what`` names the text.
    """
    name = text.strip()
    # The time that normalizing takes may grow with the square of the length.
    if len(name) <= longest * _LONGEST_DECOMPOSITION:
        name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= longest:
        raise BadUserInput(f"The {what} must have 1 to {longest} characters.")
    if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
        raise BadUserInput(f"The {what} must not contain control characters.")
    return name


def upload_id_of(text: str) -> str:
    """Return what a client calls an upload, as it is; raise BadUserInput where it can't be kept."""
    if not 1 <= len(text) <= LONGEST_UPLOAD_ID or "\0" in text:
        raise BadUserInput(f"uploadId must have 1 to {LONGEST_UPLOAD_ID} characters, none NUL.")
    return text


def email_of(text: str) -> str:
    """Return the e-mail address in its normal form; raise BadUserInput where it is none.

    Whether mail would arrive there is not asked: the hub sends none, and may have no way out.
    """
    stripped = text.strip()
    if len(stripped) > _LONGEST_EMAIL:
        raise BadUserInput(f"An e-mail address has at most {_LONGEST_EMAIL} characters.")
    try:
        return validate_email(stripped, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise BadUserInput(f"This is not an e-mail address: {error}") from None


def email_key(email: str) -> str:
    """Return what tells accounts apart: the address, as from ``email_of``, without upper case."""
    return email.casefold()
