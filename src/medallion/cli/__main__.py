"""`python -m medallion.cli` is `medallion`."""

from medallion.cli import main

main()
