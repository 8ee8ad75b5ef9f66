"""Records and parts that a disk has damaged between two sweeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.faults import journal
from tests.faults.round import Round
from tests.faults.scene import Scene


def damaged(folder: Path, blows: int, chance: Random) -> Round:
    """What is damaged is set aside with its name said; its work is done again, and no other."""
    with Scene(folder, 2) as scene:
        study = scene.study
        command = study.start()
        # At the sixth beginning of a trial there are parts, from the seventh on a record may be.
        begun = chance.randint(6, 12)
        while len(journal.read(study.journal)) < begun and command.running():
            time.sleep(0.01)
        command.process.kill()
        scene.wait(command)
        scene.judge.look()
        finished = scene.judge.finished()
        hit = chance.sample(finished, min(max(1, blows), 2, len(finished)))
        ways = [_damage(path, chance) for path in hit]
        for path in hit:
            scene.judge.forget(path)
        ended = scene.wait(study.start())
        scene.expect_code(ended, 0)
        for path, way in zip(hit, ways, strict=True):
            name = f"{path.name}.corrupt-1"
            scene.expect(name in ended.out + ended.err, f"{name} ({way}) is not told: {ended.err}")
            scene.expect(
                path.with_name(name).exists() or path.parent.name == "parts",
                f"{name} ({way}) is not there",
            )
        kinds = ["a part" if path.parent.name == "parts" else "a record" for path in hit]
        scene.struck(*(f"{kind} {way}" for kind, way in zip(kinds, ways, strict=True)))
        scene.complete()
    return scene.round


def _damage(path: Path, chance: Random) -> str:
    """Damage a file in one of the ways; which."""
    way = chance.choice(list(DAMAGES))
    path.write_bytes(DAMAGES[way](path.read_bytes(), chance))
    return way


def _cut(content: bytes, chance: Random) -> bytes:
    return content[: chance.randrange(1, len(content) - 2)]


def _flip(content: bytes, chance: Random) -> bytes:
    """All bits of some bytes, which leaves no text of ASCII."""
    flipped = bytearray(content)
    for place in chance.sample(range(len(content)), 8):
        flipped[place] ^= 0xFF
    return bytes(flipped)


def _zero(content: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(content) // 2)
    return content[:start] + bytes(min(512, len(content) - start)) + content[start + 512 :]


DAMAGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "cut": _cut,
    "flipped": _flip,
    "zeroed": _zero,
    "emptied": lambda content, chance: b"",
    "a list": lambda content, chance: b"[1, 2]\n",
    "without its keys": lambda content, chance: b"{}\n",
}
