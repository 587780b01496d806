"""The pages of docs/reference and the schemas of docs/schema, each made of the code or file that it describes."""
