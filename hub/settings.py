"""The settings: environment variables that begin with CELLHUB_, read once, checked, frozen."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from hub import urls

PREFIX = "CELLHUB_"
EMBEDDED = "embedded"
"""The DATABASE_URL that stands for a PostgreSQL under DATA_DIR."""

_SECRET_LENGTH = 32
_CLIENTS_OWN = {"CELLHUB_URL", "CELLHUB_API_KEY", "CELLHUB_PASSWORD", "CELLHUB_MODELS"}


class SettingsError(Exception):
    """Settings that can't be used; ``lines`` says what is wrong, a line for each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def _database(value: str) -> str:
    return value if value == EMBEDDED else urls.database(value)


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",")] if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _blobs_in(values: Mapping[str, Any]) -> str:
    folder = values.get("data_dir")
    return (folder / "blobs").as_uri() if isinstance(folder, Path) else ""


Bytes = Annotated[ByteSize, Field(gt=0)]


class Settings(BaseModel):
    """Everything that can be set. Sizes are bytes (2GiB will do), durations seconds.

    ``database_url`` is for SQLAlchemy with asyncpg. As they are loaded, it may be ``embedded``,
    ``broadcast_url`` None and ``secret_key`` empty; ``hub.preparation`` puts the real ones there.
    ``user_storage_bytes`` is what one user's images may take up; None is no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data_dir: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] = Path(
        ".cellhub"
    )
    database_url: Annotated[str, AfterValidator(_database), Field(repr=False)] = EMBEDDED
    broadcast_url: Annotated[str, AfterValidator(urls.broker)] | None = Field(None, repr=False)
    blob_url: Annotated[str, AfterValidator(urls.blobs)] = Field(default_factory=_blobs_in)
    secret_key: SecretStr = SecretStr("")
    public_url: Annotated[str, AfterValidator(urls.public)] | None = None
    access_token_seconds: PositiveInt = 900
    refresh_token_seconds: PositiveInt = 30 * 24 * 3600
    file_address_seconds: PositiveInt = 900
    max_file_bytes: Bytes = ByteSize(2 * 1024**3)
    max_files_per_upload: Annotated[int, Field(ge=1, le=1_000)] = 1_000
    max_request_bytes: Bytes = ByteSize(16 * 1024**2)
    max_image_pixels: PositiveInt = 1_000_000_000
    user_storage_bytes: Bytes | None = None
    max_page_size: PositiveInt = 500
    max_connections_per_user: PositiveInt = 100
    max_operations_per_user: PositiveInt = 1_000
    tombstone_retention_days: PositiveInt = 30
    allowed_origins: Annotated[
        tuple[Annotated[str, AfterValidator(urls.origin)], ...], BeforeValidator(_listed)
    ] = ()
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    log_format: Literal["text", "json"] = "text"
    forwarded_allow_ips: str = "127.0.0.1"

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read an environment, this process's if none is given; raises ``SettingsError``.

        An empty variable counts as absent, one that isn't known as an error.
        """
        variables = os.environ if environment is None else environment
        values = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in variables.items()
            if name.startswith(PREFIX) and value and name not in _CLIENTS_OWN
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            lines = [_line(str(detail["loc"][0]), detail["msg"]) for detail in details]
            raise SettingsError(lines) from None

    def environment(self) -> dict[str, str]:
        """Return the variables from which another process loads the same settings."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"{PREFIX}{name.upper()}": _text(value)
            for name, value in values.items()
            if value is not None
        }

    @property
    def embedded(self) -> bool:
        """Whether the hub is to run a PostgreSQL of its own."""
        return self.database_url == EMBEDDED

    @field_validator("secret_key")
    @classmethod
    def _hard_to_guess(cls, key: SecretStr, info: ValidationInfo) -> SecretStr:
        length = len(key.get_secret_value())
        if length == 0 and info.data.get("database_url", EMBEDDED) != EMBEDDED:
            raise ValueError("is required with CELLHUB_DATABASE_URL: 32 random characters or more")
        if 0 < length < _SECRET_LENGTH:
            raise ValueError(f"must have at least {_SECRET_LENGTH} characters, has {length}")
        return key


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(value)
    return str(int(value)) if isinstance(value, int) else str(value)


def _line(field: str, message: str) -> str:
    name = f"{PREFIX}{field.upper()}"
    if field in Settings.model_fields:
        return f"{name}: {message.removeprefix('Value error, ')}."
    close = difflib.get_close_matches(field, Settings.model_fields, n=1)
    hint = f" Did you mean {PREFIX}{close[0].upper()}?" if close else ""
    return f"{name}: there is no such setting.{hint}"
