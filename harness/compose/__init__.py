"""Adapters of several tasks on one base, merged into one, against the separate ones."""
