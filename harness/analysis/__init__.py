"""From records to conclusions: pure functions over the table that `harness.load` gives."""
