"""What the local server serves: ZenML's application, our routes, a watchman beside it."""

import os

from zenml.zen_server.zen_server_api import app as app

from kitaru._engine.zenml.connection.local_server import FOLDER_VARIABLE
from kitaru._engine.zenml.programs import own_routes, watchman
from kitaru._engine.zenml.programs.own_page_only import OwnPageOnly

if folder := os.environ.get(FOLDER_VARIABLE):
    app.router.routes.insert(0, own_routes.mount(folder))
# The last one added stands before all others.
app.add_middleware(OwnPageOnly)
watchman.start()
