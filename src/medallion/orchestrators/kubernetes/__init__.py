"""What a step's pod is made of and how it ended, whichever orchestrator starts it."""
