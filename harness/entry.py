"""The front door of every command: Hydra composes, errors come out as one line."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException, OverrideParseException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from harness import peft_types
from harness.errors import ConfigError, HarnessError, Unreadable, nearest
from harness.exclusions import left_out
from harness.recipes import multiples, schedules
from harness.stopping import interruptible

PACKAGE = Path(__file__).resolve().parent
# An installed wheel carries the configs inside the package, a checkout beside it.
CONF = PACKAGE / "conf" if (PACKAGE / "conf").is_dir() else PACKAGE.parent / "conf"
BASIC = "basic"
PLUGINS = "hydra_plugins.peft_harness"
# Which extra brings a launcher.
EXTRAS = {"submitit_local": "slurm", "submitit_slurm": "slurm", "ray": "ray"}


@dataclass
class Asked:
    """The jobs that a command line asks for: one, or with -m one per combination."""

    config_name: str
    configs: list[DictConfig] = field(default_factory=list)
    overrides: list[list[str]] = field(default_factory=list)
    """Of each job, without those of Hydra itself."""
    launcher: str = BASIC
    """Hydra's name of what runs the jobs; `basic` is this process."""
    hydra_overrides: list[str] = field(default_factory=list)
    loader: ConfigLoader | None = None

    def add(self, cfg: DictConfig) -> None:
        """Keep the job that Hydra is running."""
        own = HydraConfig.get()
        self.configs.append(cfg)
        self.overrides.append(list(own.overrides.task))
        self.launcher = own.runtime.choices["hydra/launcher"]
        self.hydra_overrides = list(own.overrides.hydra)
        self.loader = GlobalHydra.instance().config_loader()

    def leave_out(self) -> None:
        """Forget the jobs that are not to be run, and say how many."""
        jobs = zip(self.configs, self.overrides, strict=True)
        kept = [(cfg, own) for cfg, own in jobs if not left_out(cfg)]
        if not kept:
            raise ConfigError("leave_out", self.configs[0].leave_out, "leaves nothing to run")
        if gone := len(self.configs) - len(kept):
            print(f"left out: {gone} of {len(self.configs)} combinations, by leave_out", flush=True)
        self.configs, self.overrides = [cfg for cfg, _ in kept], [own for _, own in kept]


class Collecting(Callback):
    """Lets Hydra hand over its jobs in this process, whichever launcher is asked for."""

    def __init__(self, notes: str) -> None:
        """`notes` is a folder for what Hydra writes down of a sweep, which nobody reads."""
        self._notes = notes

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        # Launchers are given what is collected, and the config of a job still names the one asked
        # for: it is composed from the overrides again.
        with open_dict(config.hydra):
            config.hydra.launcher = {"_target_": f"{PLUGINS}.Launcher"}
            config.hydra.sweeper._target_ = f"{PLUGINS}.Sweeper"
            # Results that are finished may be where nobody can write.
            config.hydra.sweep.dir = self._notes


def run(
    command: Callable[[list[DictConfig]], int],
    config_name: str = "config",
    launch: Callable[[Asked], int] | None = None,
) -> int:
    """Run `command` on the configs that the command line asks for; returns the exit code.

    What asks for another launcher than Hydra's own goes to `launch`. An error at the door is one
    line on stderr and exit code 1; the traceback comes with `debug=true`. SIGINT, SIGTERM and
    SIGHUP end it cleanly, with one line and 128 and their number.
    """
    try:
        with interruptible(), _warnings_in_a_line():
            jobs = asked(config_name)
            if jobs.launcher == BASIC:
                return command(jobs.configs)
            if launch is None:
                expected = "trials alone are handed to a launcher, by python -m harness"
                raise ConfigError("hydra/launcher", jobs.launcher, expected)
            return launch(jobs)
    except HarnessError as error:
        if "debug=true" in sys.argv:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        with suppress(OSError):  # a terminal that hangs up takes stderr with it
            print("stopped; run the same command again to go on from here", file=sys.stderr)
        return 128 + (stop.args[0] if stop.args else signal.SIGINT)  # as shells have it


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Corrupt files of the results are told as errors are; libraries' warnings stay theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", Unreadable)
        others = warnings.showwarning

        def shown(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, Unreadable):
                print(f"warning: {message}", file=sys.stderr)
            else:
                others(message, category, *place)

        warnings.showwarning = shown  # type: ignore[assignment]
        yield


def asked(config_name: str) -> Asked:
    """Every job that the command line asks for: one, or with -m one per combination.

    Hydra calls the collector once per job; running the jobs is the sweep's own business, which
    knows all of them before it starts the first. Raises ConfigError.
    """
    register()
    # Hydra prints and exits by itself unless asked for the exception.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    collected = Asked(config_name)

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)
    def collect(cfg: DictConfig) -> None:
        collected.add(cfg)

    with tempfile.TemporaryDirectory() as notes:
        sys.argv[1:] = _arguments(sys.argv[1:], notes)
        try:
            collect()
        except Exception as error:  # whatever Hydra makes of what was typed
            raise _plain_error(error) from error
    if not collected.configs:  # --help and its like have printed what was asked for
        raise SystemExit(0)
    collected.leave_out()
    return collected


def compose(overrides: Sequence[str], config_name: str = "config") -> DictConfig:
    """A command's config from overrides as its command line takes them. Raises ConfigError."""
    register()
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            return hydra.compose(config_name, [_open_method_option(text) for text in overrides])
    except Exception as error:  # whatever Hydra makes of what was typed
        raise _plain_error(error) from error


def register() -> None:
    """Tell Hydra what the files under conf/ refer to, and the methods that peft brings along."""
    OmegaConf.register_new_resolver("times", lambda a, b: a * b, replace=True)
    OmegaConf.register_new_resolver("recipe", _recipe, replace=True)
    OmegaConf.register_new_resolver("schedule", _schedule, replace=True)
    OmegaConf.register_new_resolver(
        "peft_size", lambda name, part: getattr(peft_types.size(name), part), replace=True
    )
    for name in peft_types.names():
        ConfigStore.instance().store(
            group=f"method/{peft_types.GROUP}",
            name=name,
            package="method",
            node=peft_types.node(name),
            provider="peft",
        )


def _recipe(own: float, *, _root_: DictConfig) -> float:
    """A method's own rate, as its config has it, for the kind of task and model at hand."""
    return multiples.rate(own, _root_, _picked("multiples"))


def _schedule(part: str, *, _root_: DictConfig) -> int:
    """`steps` or `batch_size`, for the kind of task and model at hand."""
    found: int = getattr(schedules.schedule(_root_, _picked("schedules")), part)
    return found


@cache
def _picked(name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """What ships of what was searched for."""
    return multiples.load(CONF / "recipes" / f"{name}.yaml")


def _arguments(given: Sequence[str], notes: str) -> list[str]:
    """The command line as Hydra takes it: -m may stand anywhere, and method options are open."""
    flags = [argument for argument in given if argument in ("-m", "--multirun")]
    callback = f"{{_target_: {__name__}.{Collecting.__name__}, notes: '{notes}'}}"
    own = f"++hydra.callbacks.collecting={callback}"
    return [*flags, *(_open_method_option(a) for a in given if a not in flags), own]


def _open_method_option(argument: str) -> str:
    """Let `method.NAME=…` name any option of the method's library, listed in its file or not.

    Which options exist is checked where the library is at hand, not by Hydra.
    """
    return f"++{argument}" if re.match(r"method\.\w+=", argument) else argument


def _plain_error(error: Exception) -> ConfigError:
    cause = error.__cause__
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        missing = error.missing_cfg_file.removesuffix(".yaml")
        launcher = missing.removeprefix("hydra/launcher/")
        if launcher in EXTRAS:
            expected = f"is not installed: pip install 'peft-harness[{EXTRAS[launcher]}]'"
            return ConfigError("hydra/launcher", launcher, expected)
        split = missing.rpartition if missing.startswith("hydra/") else missing.partition
        group, _, name = split("/")
        options = list(error.options or [])
        if group == "method":
            options += [f"{peft_types.GROUP}/{each}" for each in peft_types.names()]
        return ConfigError(group, name, nearest(name, options))
    if isinstance(error, OSError):
        return ConfigError("results", error.filename, f"cannot be written: {error.strerror}")
    if isinstance(error, OverrideParseException):
        return ConfigError("override", error.override, str(error).splitlines()[0])
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        known = cause.parent_node.keys() if isinstance(cause.parent_node, DictConfig) else ()
        return ConfigError(cause.full_key, _given(cause.full_key), _unknown(cause, known))
    unmatched = re.match(r"Could not override '([^']+)'", str(error))
    if unmatched:
        name = unmatched[1]
        groups = {path.name for path in CONF.iterdir() if path.is_dir()} - {"hydra"}
        if name in groups:
            return ConfigError(name, _given(name), "is not a key of this command; see its --help")
        groups |= {"size", "seed"}
        return ConfigError(name, _given(name), f"is not a known key; {nearest(name, groups)}")
    return ConfigError("config", "", " ".join(str(error).split()))


def _unknown(cause: OmegaConfBaseException, known: Iterable[object]) -> str:
    names = [str(name) for name in known]
    if not names:
        return str(cause).splitlines()[0]
    return f"is not a known key; {nearest(str(cause.key), names)}"


def _given(key: str) -> str:
    """The value that the command line gives to a key."""
    for argument in sys.argv[1:]:
        name, found, value = argument.lstrip("+~").partition("=")
        if found and name == key:
            return value
    return ""
