"""The warehouse: connection, ledger, builds and locks. The only SQL outside the dbt project."""
