"""A disk without room, and a folder that cannot be written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from tests.faults.round import Round
from tests.faults.scene import Scene

SIZE = 16 << 20
FILLER = "filler"


class NoMount(Exception):
    """Nothing can be mounted; the message is the reason."""


def disk_full(folder: Path, blows: int, chance: Random) -> Round:
    """One line names the folder; after making room the same command does the rest."""
    with Scene(folder, 2) as scene:
        results = scene.study.results
        try:
            with mounted(["-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(results)], results):
                for _ in range(blows):
                    filler = results / FILLER
                    _fill(filler, chance.randrange(0, 300_000))
                    ended = scene.wait(scene.study.start())
                    filler.unlink()
                    if ended.code == 0:  # there was room for all that was left to do
                        break
                    scene.expect_code(ended, 1)
                    scene.expect("Traceback" not in ended.err, f"a traceback: {ended.told()}")
                    told = ended.err.strip().splitlines()[-1]
                    scene.expect(
                        "No space left on device" in told and str(results) in told,
                        f"not the folder and the reason: {ended.told()}",
                    )
                    scene.expect_line(ended, "No space left on device")
                    scene.struck("one line")
                scene.complete()
        except NoMount as error:
            scene.round.skipped = str(error)
    return scene.round


def read_only(folder: Path, blows: int, chance: Random) -> Round:
    """One line at the door; nothing is written, and nothing has to be where all is done."""
    with Scene(folder, 1, "hydra.mode=RUN") as scene:  # a sweep's Hydra keeps notes there
        results = scene.study.results
        try:
            with mounted(["--bind", str(results), str(results)], results):
                _mount("-o", "remount,ro,bind", str(results))
                ended = scene.wait(scene.study.start())
                scene.expect_code(ended, 1)
                scene.expect_line(ended, f"error: results={results}", "Read-only file system")
                scene.struck("one line")
            scene.complete()
            with mounted(["--bind", str(results), str(results)], results):
                _mount("-o", "remount,ro,bind", str(results))
                ended = scene.wait(scene.study.start())
                scene.expect_code(ended, 0)
                scene.struck("nothing to do")
            scene.judge.whole()
        except NoMount as error:
            scene.round.skipped = str(error)
    return scene.round


@contextmanager
def mounted(what: list[str], place: Path) -> Iterator[None]:
    _mount(*what)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoMount("there is no mount on this machine") from error
    if done.returncode:
        hint = "; try `unshare -rm` in front of the command"
        raise NoMount(done.stderr.strip() + hint)


def _fill(path: Path, left: int) -> None:
    """Write until so many bytes are left, and no more."""
    with path.open("wb", buffering=0) as file:
        with suppress(OSError):
            while file.write(bytes(4096)):
                pass
        file.truncate(max(0, file.tell() - left))
