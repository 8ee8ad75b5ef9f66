"""Parameters and peak memory of a trial before it exists: no weights, no device."""
