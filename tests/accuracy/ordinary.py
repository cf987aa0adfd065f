"""Failures of real tools that have nothing to do with how a program is started: none of them has a cause in the catalogue."""

import hashlib
import shutil
from pathlib import Path

from measure import CARGO, Text, environment, run, table

LANGUAGE = "C"


def texts(at, parts):
    """What every PARTS-th command prints, and why others are missing."""
    env = environment(LANGUAGE, None)
    env["PATH"] += f":{CARGO}"
    commands = [(name, group, command) for name, group in table("ordinary.toml").items() for command in group["run"]]
    for name, group, command in commands[at::parts]:
        if lacking := [n for n in group.get("needs", [name]) if not shutil.which(n, path=env["PATH"])]:
            yield None, f"{name}: {' '.join(lacking)} is not installed"
            continue
        place = Path("/srv/site")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        said = run(group.get("before", "") + command, place, env)[1].decode(errors="surrogateescape")
        if said.strip():
            number = hashlib.sha256(command.encode()).hexdigest()[:8]
            yield Text(name, "", f"ordinary {number}", LANGUAGE, command, "ordinary", said), None
        else:
            yield None, f"{name}: nothing is printed: {command}"
