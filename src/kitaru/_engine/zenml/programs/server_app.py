"""What the local server serves: ZenML's application, and a watchman beside it."""

from zenml.zen_server.zen_server_api import app as app

from kitaru._engine.zenml.programs import watchman

watchman.start()
