#!/usr/bin/python3
"""What the doctor says of programs, and what becomes of them under the emulators.
usage: judge.py [-v] [--sysroots DIR] RBINFMT EMULATORS FILE...
       judge.py [-v] --sample RBINFMT EMULATORS DIR                what `make.py --sample` made in DIR

Each file is examined and then executed, in a user namespace with a table of its own (Linux 6.7). A line for each wrong verdict (with
-v for each file), then the number of them; the exit status is 1 if there is one. Where the doctor's fix is a package that is unpacked
at DIR/PACKAGE, the file is judged a second time with the variable of that fix.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass

import make

TABLE = "/proc/sys/fs/binfmt_misc"
SECONDS = 120
# What a program says of itself when it is asked; what is made here ignores it.
ARGUMENT = "--version"
PREFIX = "QEMU_LD_PREFIX"
# Ends with 3 where execve(2) fails, and names the error.
EXECUTE = """
import errno, os, sys
try:
    os.execv(sys.argv[1], sys.argv[1:])
except OSError as error:
    print("errno", errno.errorcode[error.errno], file=sys.stderr)
    os._exit(3)
"""


@dataclass(frozen=True)
class Verdict:
    """What the doctor says."""
    outcome: str
    errno: str
    causes: list
    commands: list


@dataclass(frozen=True)
class Truth:
    """What happened: "errno", "works" or "dies", and how."""
    kind: str
    what: str


def enclose():
    """Starts this script again in namespaces of its own."""
    inner = ["sh", "-ec", f'mount -t binfmt_misc none {TABLE}; exec "$0" "$@"', sys.executable, *sys.argv]
    os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", *inner])


def examine(rbinfmt, file, environment):
    run = subprocess.run([rbinfmt, "doctor", "--json", file], env=environment, capture_output=True, text=True, check=False)
    answer = json.loads(run.stdout)
    problems = [finding for finding in answer["findings"] if finding["severity"] == "problem"]
    commands = [fix["command"] for finding in problems for fix in finding["fixes"] if fix["command"]]
    return Verdict(answer["outcome"]["kind"], answer["outcome"]["errno"], [finding["id"] for finding in problems], commands)


def execute(file, environment):
    try:
        run = subprocess.run([sys.executable, "-c", EXECUTE, file, ARGUMENT], env=environment, capture_output=True,
                             timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Truth("dies", f"not after {SECONDS} s")
    said = (run.stdout + run.stderr).decode(errors="replace").strip()
    last = said.splitlines()[-1] if said else ""
    if run.returncode == 3 and (refused := re.fullmatch(r"errno (\w+)", last)):
        return Truth("errno", refused[1])
    if run.returncode == 0:
        return Truth("works", last[:100])
    return Truth("dies", f"status {run.returncode}: {last[:160]}")


def is_wrong(doctor, truth):
    """Whether the doctor's verdict is not what happened."""
    if truth.kind == "errno":
        return doctor.outcome != "errno" or doctor.errno != truth.what
    if truth.kind == "works":
        return doctor.outcome != "starts" or bool(doctor.causes)
    return not (doctor.causes and doctor.outcome in ("starts", "killed"))


def sysroot(directory, commands):
    """What QEMU_LD_PREFIX has to be for one of the printed commands, with the package below `directory`."""
    for command in commands if directory else []:
        package = re.search(r"apt-get install (\S+)", command)
        place = directory / package[1].replace(":", "-") if package else None
        if place and place.is_dir():
            prefix = re.search(rf"{PREFIX}=(\S+)", command)
            return str(place) + (prefix[1] if prefix else "")
    return None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-v", action="store_true")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--sysroots", type=pathlib.Path)
    parser.add_argument("rbinfmt")
    parser.add_argument("emulators")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    return parser.parse_args()


def main():
    args = arguments()
    if os.environ.get("RBINFMT_STUDY") != "inside":
        os.environ["RBINFMT_STUDY"] = "inside"
        enclose()
    install = [args.rbinfmt, "--emulators", args.emulators, "install", "all"]
    subprocess.run(install, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    files = [args.files[0] / make.name(*row) for row in make.rows(True)] if args.sample else args.files
    clean = {"PATH": "/usr/bin:/bin"}
    rounds = [(file, clean) for file in files]
    wrong = 0
    for file, environment in rounds:
        doctor, truth = examine(args.rbinfmt, file, environment), execute(file, environment)
        prefix = sysroot(args.sysroots, doctor.commands)
        if prefix and environment is clean:
            rounds.append((file, {**clean, PREFIX: prefix}))
        bad = is_wrong(doctor, truth)
        wrong += bad
        if bad or args.v:
            said = f"{doctor.outcome} {doctor.errno or ''} {','.join(doctor.causes)}"
            below = f" below {environment[PREFIX]}" if PREFIX in environment else ""
            print(f"{'WRONG' if bad else 'right'} {file.name}{below}: {said} | {truth.kind} {truth.what}", flush=True)
    print(f"{wrong} wrong of {len(rounds)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
