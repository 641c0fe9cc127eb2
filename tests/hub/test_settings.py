"""Settings come from CELLHUB_ variables alone, and wrong ones are named, each in one line."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from hub import urls
from hub.settings import Settings, SettingsError

KEY = "k" * 32
ELSEWHERE = {
    "CELLHUB_DATABASE_URL": "postgres://ann:p%40ss@db.example:5433/hub?sslmode=require",
    "CELLHUB_SECRET_KEY": KEY,
}


def refused(**variables: str) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        Settings.load({f"CELLHUB_{name}": value for name, value in variables.items()})
    return refusal.value.lines


def test_nothing_needs_to_be_set() -> None:
    settings = Settings.load({})
    assert settings.embedded
    assert settings.data_dir == Path.cwd() / ".cellhub"
    assert settings.blob_url == (Path.cwd() / ".cellhub" / "blobs").as_uri()


def test_files_lie_in_the_data_directory_unless_put_elsewhere(tmp_path: Path) -> None:
    assert (
        Settings.load({"CELLHUB_DATA_DIR": str(tmp_path)}).blob_url == f"{tmp_path.as_uri()}/blobs"
    )
    there = {"CELLHUB_DATA_DIR": str(tmp_path), "CELLHUB_BLOB_URL": "s3://bucket/prefix"}
    assert Settings.load(there).blob_url == "s3://bucket/prefix"


def test_a_data_directory_may_be_relative_to_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert Settings.load({"CELLHUB_DATA_DIR": "~/hub"}).data_dir == Path("/home/ann/hub")


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLHUB_MAX_PAGE_SIZE", "50")
    assert Settings.load().max_page_size == 50


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.load({"CELLHUB_PUBLIC_URL": "", "CELLHUB_MAX_PAGE_SIZE": ""}) == Settings.load(
        {}
    )


def test_variables_of_others_count_for_nothing() -> None:
    others = {
        "DATA_DIR": "/x",
        "CELLHUBBUB": "1",
        "CELLHUB_URL": "http://hub",
        "CELLHUB_API_KEY": "k",
        "CELLHUB_MODELS": "/models",
    }
    assert Settings.load(others) == Settings.load({})


def test_a_misspelt_variable_is_an_error_that_names_the_right_one() -> None:
    assert refused(DATABSE_URL="x") == [
        "CELLHUB_DATABSE_URL: there is no such setting. Did you mean CELLHUB_DATABASE_URL?"
    ]
    assert refused(ZEBRA="x") == ["CELLHUB_ZEBRA: there is no such setting."]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DATABASE_URL", "mysql://db/hub", "must begin with postgresql://"),
        ("DATABASE_URL", "postgres://db:port/hub", "is not an address"),
        ("BROADCAST_URL", "amqp://broker", "must begin with memory://"),
        ("BLOB_URL", "blobs", "must be as file:///a/folder"),
        ("BLOB_URL", "file://host/folder", "must be as file:///a/folder"),
        ("BLOB_URL", "s3:///prefix", "must be as file:///a/folder"),
        ("SECRET_KEY", "short", "must have at least 32 characters, has 5"),
        ("PUBLIC_URL", "hub.example", "must be as https://example.org/hub"),
        ("PUBLIC_URL", "http://[", "is not an address"),
        ("PUBLIC_URL", "https://μ.example", "in ASCII"),
        ("PUBLIC_URL", "https://hub.example/μ", "in ASCII"),
        ("PUBLIC_URL", "https://hub.example;script-src *", "must be as https://example.org/hub"),
        ("PUBLIC_URL", "https://hub.example,b.example", "must be as https://example.org/hub"),
        ("PUBLIC_URL", "https://hub.exa\tmple", "must be as https://example.org/hub"),
        ("PUBLIC_URL", "https://ann:hunter2@hub.example", "must be as https://example.org/hub"),
        ("ALLOWED_ORIGINS", "https://a.example,b.example", "must be origins"),
        ("ALLOWED_ORIGINS", "https://a.example/page", "must be origins"),
        ("ACCESS_TOKEN_SECONDS", "0", "greater than 0"),
        ("MAX_FILE_BYTES", "plenty", "could not parse"),
        ("MAX_FILE_BYTES", "0", "greater than 0"),
        ("MAX_FILES_PER_UPLOAD", "1001", "less than or equal to 1000"),
        ("MAX_CONNECTIONS_PER_USER", "0", "greater than 0"),
        ("MAX_OPERATIONS_PER_USER", "0", "greater than 0"),
        ("LOG_LEVEL", "loud", "'DEBUG', 'INFO'"),
        ("LOG_FORMAT", "xml", "'text' or 'json'"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(name: str, value: str, reason: str) -> None:
    (line,) = [line for line in refused(**{name: value}) if line.startswith(f"CELLHUB_{name}: ")]
    assert reason in line
    assert "\n" not in line


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(refused(LOG_LEVEL="loud", MAX_PAGE_SIZE="-1", BLOB_URL="x")) == 3


def test_a_refusal_does_not_repeat_a_secret() -> None:
    assert "hunter2" not in " ".join(refused(SECRET_KEY="hunter2"))
    assert "hunter2" not in " ".join(refused(DATABASE_URL="mysql://ann:hunter2@db/hub"))


def test_a_secret_key_is_required_with_a_database_of_ones_own() -> None:
    lines = refused(DATABASE_URL=ELSEWHERE["CELLHUB_DATABASE_URL"])
    assert lines == [
        "CELLHUB_SECRET_KEY: is required with CELLHUB_DATABASE_URL: 32 random characters or more."
    ]


def test_a_database_address_is_made_fit_for_sqlalchemy_and_back_for_the_bus() -> None:
    settings = Settings.load(ELSEWHERE)
    assert not settings.embedded
    assert (
        settings.database_url == "postgresql+asyncpg://ann:p%40ss@db.example:5433/hub?ssl=require"
    )
    assert urls.broker_of(settings.database_url) == (
        "postgresql://ann:p%40ss@db.example:5433/hub?sslmode=require"
    )


def test_sizes_may_have_units_and_lists_commas() -> None:
    settings = Settings.load(
        {
            "CELLHUB_MAX_FILE_BYTES": "3GiB",
            "CELLHUB_ALLOWED_ORIGINS": "https://a.example/, http://localhost:5173",
            "CELLHUB_LOG_LEVEL": "debug",
            "CELLHUB_PUBLIC_URL": "https://example.org/hub/",
        }
    )
    assert settings.max_file_bytes == 3 * 1024**3
    assert settings.allowed_origins == ("https://a.example", "http://localhost:5173")
    assert settings.log_level == "DEBUG"
    assert settings.public_url == "https://example.org/hub"
    assert Settings.load({"CELLHUB_ALLOWED_ORIGINS": "*"}).allowed_origins == ("*",)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost",
        "https://xn--bcher-kva.example:8443/a%20hub",
        "http://[::1]:8000",
        "http://a_hub",
    ],
)
def test_a_public_address_is_as_headers_have_it(address: str) -> None:
    assert Settings.load({"CELLHUB_PUBLIC_URL": address}).public_url == address


@pytest.mark.parametrize(
    "variables",
    [
        {},
        ELSEWHERE,
        {
            "CELLHUB_USER_STORAGE_BYTES": "1TB",
            "CELLHUB_BROADCAST_URL": "rediss://broker:6380/1",
            "CELLHUB_ALLOWED_ORIGINS": "https://a.example,https://b.example",
            "CELLHUB_PUBLIC_URL": "https://example.org",
        },
    ],
)
def test_another_process_loads_the_same_from_the_environment(variables: dict[str, str]) -> None:
    settings = Settings.load(variables)
    assert Settings.load(settings.environment()) == settings


def test_settings_do_not_change_and_do_not_show_secrets() -> None:
    settings = Settings.load(ELSEWHERE)
    with pytest.raises(ValidationError, match="frozen"):
        settings.max_page_size = 1  # type: ignore[misc]
    assert KEY not in repr(settings)
    assert "p%40ss" not in repr(settings)
