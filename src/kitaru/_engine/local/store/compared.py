"""The versions of ZenML whose local stores are known so well that ours is as good.

One comes in once it has been compared: what it writes into its tables, and what it says of
a store; `make compare-zenml` in an environment with it begins that. Stores of others are read and written through ZenML alone.
"""

from __future__ import annotations

# With what the tables that Kitaru reads and writes look like: `ground.shape`.
COMPARED = {"0.98.0": "0bb77a1cdb578d14"}
