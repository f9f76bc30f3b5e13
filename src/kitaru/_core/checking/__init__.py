"""Whether data fits what was asked for, and how to say where it does not."""
