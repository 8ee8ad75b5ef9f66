"""Learning rates per kind of task and family of models, found on validation."""
