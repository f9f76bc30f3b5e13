"""A small Kubernetes API whose pods are processes in namespaces of their own."""
