import asyncio

from tests.clients.snippets.driving import Driver

asyncio.run(Driver("with_gql").run())
