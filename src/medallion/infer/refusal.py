"""A file that no contract can be guessed from."""

from __future__ import annotations

HELP = "or write the contract without --from"


class NotTabular(Exception):
    """A file that no contract can be guessed from; its text says why, and what to do."""
