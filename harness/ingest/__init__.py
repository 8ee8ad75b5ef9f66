"""Other people's results as records: the same table, the same report, marked as foreign."""
