"""Engines: what makes executions durable. Everything above speaks to `port.Engine`."""
