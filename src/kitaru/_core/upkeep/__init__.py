"""What becomes of executions that nobody looks after: recovery, and how long they stay."""
