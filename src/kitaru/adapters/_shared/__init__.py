"""What all adapters have in common; import nothing of a framework here."""
