"""A remote stack on one machine: wiring, not Kubernetes itself (see docs/remote.md)."""
