"""A team's own command: run next to Medallion's process, which holds the lock and writes the ledger row."""
