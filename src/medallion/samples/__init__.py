"""Sample data, generated from a seed: dirty customer transactions and the tables of a bicycle maker."""
