"""What an orchestrator and a task say to each other: `TaskSpec` in, results and termination messages out."""
