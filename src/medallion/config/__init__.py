"""What a person wrote, validated: pipeline files and data contracts. Knows nothing of any orchestrator."""
