"""What surrounds a task's work: connect, pin the task, take the lock, check the gate, record, exit."""
