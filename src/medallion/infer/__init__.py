"""A first contract for a file, guessed from all of it and proved on it.

`layout` finds the delimiter and the header, `evidence` reads every record once (`counting` counts what fits a column,
`keys` what identifies a row, `no_rows` what is no row), `types` and `junk` decide each column from the counts, `text`
writes the contract with its evidence, and `proof` cleans the file under it. Reading and judging are the cleaner's own
code, so that what a guess takes is what a run takes.
"""
