"""Relay's Object Identification."""

import strawberry


@strawberry.interface(description="Anything that has an ID and can be fetched by it.")
class Node:
    """Anything that has an ID; ``node(id:)`` finds it again."""

    id: strawberry.ID = strawberry.field(
        description="Opaque and unique among all objects of the hub."
    )
