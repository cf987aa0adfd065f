"""Asks the program what a text means and holds its answer against the truth."""

import hashlib
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import logs
from measure import Text
from truth import NONE, Truth, same

NO_CAUSE = Truth(frozenset([NONE]), True)


@dataclass
class Answer:
    first: str
    strength: str


@dataclass
class Verdict:
    text: Text
    truth: Truth
    answer: Answer

    @property
    def right(self):
        return self.answer.first in self.truth.causes


def ask(program, text):
    """The first cause that `rbinfmt doctor --message -` names."""
    done = subprocess.run([program, "doctor", "--json", "--message", "-"], input=text, capture_output=True, timeout=60, cwd="/")
    if done.returncode not in (0, 3):
        raise SystemExit(f"{program} ended with {done.returncode}: {done.stderr.decode(errors='replace')}\n{text[:500]!r}")
    candidates = json.loads(done.stdout)["candidates"]
    if not candidates:
        return Answer(NONE, NONE)
    return Answer(candidates[0]["id"], candidates[0]["strength"])


def ask_all(program, texts):
    """The answers to all; texts that differ in times and numbers of processes alone are asked about once."""
    different = {same(text.decode(errors="surrogateescape")): text for text in texts}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = dict(zip(different, pool.map(lambda text: ask(program, text), different.values())))
    return [answers[same(text.decode(errors="surrogateescape"))] for text in texts]


def printed(text):
    return text.text.encode(errors="surrogateescape")


def judge(program, rows):
    answers = ask_all(program, [printed(text) for text, _ in rows])
    return [Verdict(text, truth, answer) for (text, truth), answer in zip(rows, answers)]


def judge_in_logs(program, rows, builds):
    """Each text inside one of the logs, in turn, and each log without any."""
    if not builds:
        return []
    wholes = [logs.inside(printed(builds[n % len(builds)]), printed(text)) for n, (text, _) in enumerate(rows)]
    answers = ask_all(program, [*wholes, *map(printed, builds)])
    rows = [*rows, *((build, NO_CAUSE) for build in builds)]
    return [Verdict(text, truth, answer) for (text, truth), answer in zip(rows, answers)]


def judge_ordinary(program, texts):
    return judge(program, [(text, NO_CAUSE) for text in texts])


def held_back(caller):
    """Half of the callers, by their name alone: what is missed there is counted and not shown to whoever writes the rules."""
    return hashlib.sha256(b"held back:" + caller.encode()).digest()[0] % 2 == 1
