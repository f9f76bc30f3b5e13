"""What the local server serves: ZenML's application, and a watchman beside it."""

from zenml.zen_server.zen_server_api import app as app

from kitaru._engine.zenml.programs import watchman
from kitaru._engine.zenml.programs.own_page_only import OwnPageOnly

# The last one added stands before all others.
app.add_middleware(OwnPageOnly)
watchman.start()
