"""``cellhub upload``: sends image files and folders to a project, and goes on where it stopped."""

from hub.upload.command import upload

__all__ = ["upload"]
