"""What the harness itself costs, and how fine it measures: ratios within one run."""
