"""Makes outcomes durable in the journal, and shows them in ZenML a moment later."""
