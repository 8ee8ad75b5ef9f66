"""How often the kernel has killed a process because memory ran out."""

from __future__ import annotations

from pathlib import Path


def oom_kills(root: Path = Path("/")) -> int | None:
    """Kills so far in this process's cgroup, else on the machine; None where neither is told.

    The cgroup's are those of cgroup v2, with its descendants; the machine's count holds all.
    """
    for path in (*_own_events(root), root / "proc/vmstat"):
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        counts = dict(line.split(maxsplit=1) for line in lines)
        if "oom_kill" in counts:
            return int(counts["oom_kill"])
    return None


def _own_events(root: Path) -> list[Path]:
    """The file in which the own cgroup counts them, if there is one."""
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    own = [line.removeprefix("0::/") for line in groups if line.startswith("0::/")]
    return [root / "sys/fs/cgroup" / group / "memory.events" for group in own]
