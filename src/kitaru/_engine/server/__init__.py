"""The engine on ZenML's server, by direct requests, without ZenML."""
