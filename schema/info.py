"""The second argument of every resolver."""

import strawberry

from resolvers.context import Context

Info = strawberry.Info[Context, None]
"""What a field's resolver is told: among others the operation's ``context``."""
