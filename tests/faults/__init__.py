"""Every fault that a sweep must survive, tried for real: `python -m tests.faults`."""
