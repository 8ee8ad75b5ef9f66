"""What a trial measures. Nothing here knows a method or a task."""
