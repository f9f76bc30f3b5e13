"""The running flow: its scope, its options, its signals."""
