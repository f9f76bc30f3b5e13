"""`KitaruClient`: operate executions from Python."""

from kitaru.client.client import KitaruClient as KitaruClient
