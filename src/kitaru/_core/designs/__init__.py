"""Documents that specify a flow before it is written, and whether they hold together."""
