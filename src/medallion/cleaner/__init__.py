"""The cleaner image's one command: a CSV under a data contract, streamed into Postgres."""
