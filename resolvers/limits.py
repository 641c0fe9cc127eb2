"""How much is too much."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds that hold for every client. Sizes are bytes, durations seconds."""

    access_token_seconds: int = 900
    refresh_token_seconds: int = 30 * 24 * 3600
    max_page_size: int = 500
    max_objects_per_operation: int = 5_000
    max_polygon_bytes_per_operation: int = 64 * 1024**2
    max_changes_per_call: int = 1_000
    max_files_per_upload: int = 1_000
    max_file_bytes: int = 2 * 1024**3
    user_storage_bytes: int | None = None
    sign_in_window_seconds: int = 900
    sign_in_failures_per_account: int = 10
    sign_in_failures_per_address: int = 100
    sign_ups_per_address: int = 100
