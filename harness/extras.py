"""Libraries that are installed on request alone."""

from __future__ import annotations

from importlib.util import find_spec

from harness.errors import ConfigError


def require_bitsandbytes(field: str, value: object) -> None:
    """Raise ConfigError for a value that needs bitsandbytes where that is not installed."""
    if find_spec("bitsandbytes") is None:
        expected = "needs bitsandbytes, which is not installed: pip install 'peft-harness[quant]'"
        raise ConfigError(field, value, expected)


def require_onnx(field: str, value: object) -> None:
    """Raise ConfigError for a value that needs onnx where that is not installed."""
    if find_spec("onnx") is None:
        expected = "needs onnx, which is not installed: pip install 'peft-harness[onnx]'"
        raise ConfigError(field, value, expected)
