"""What is wrong across the files of a DAG folder, beyond what each file's own model checks."""
