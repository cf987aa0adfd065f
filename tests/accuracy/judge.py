"""Asks the program what a text means and holds its answer against the truth."""

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from measure import Text
from truth import NONE, Truth


@dataclass
class Answer:
    first: str
    strength: str


@dataclass
class Verdict:
    text: Text
    truth: Truth
    answer: Answer
    right: bool


def ask(program, text):
    """The first cause that `rbinfmt doctor --message -` names."""
    done = subprocess.run([program, "doctor", "--json", "--message", "-"], input=text, capture_output=True, timeout=60, cwd="/")
    if done.returncode not in (0, 3):
        raise SystemExit(f"{program} ended with {done.returncode}: {done.stderr.decode(errors='replace')}\n{text[:500]!r}")
    candidates = json.loads(done.stdout)["candidates"]
    if not candidates:
        return Answer(NONE, NONE)
    return Answer(candidates[0]["id"], candidates[0].get("strength", "?"))


def ask_all(program, texts):
    """The answers to all, each different text asked once."""
    different = list(dict.fromkeys(texts))
    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(different, pool.map(lambda text: ask(program, text), different)))
    return [answers[text] for text in texts]


def judge(program, rows, wrap=lambda _text, said: said):
    """Verdicts on texts with their truths; `wrap` puts what was printed into something larger."""
    answers = ask_all(program, [wrap(text, text.text.encode(errors="surrogateescape")) for text, _ in rows])
    return [Verdict(text, truth, answer, answer.first in truth.causes) for (text, truth), answer in zip(rows, answers)]


def false_causes(program, texts):
    """The ordinary failures that get a cause, with it."""
    answers = ask_all(program, [text.text.encode(errors="surrogateescape") for text in texts])
    return [(text, answer) for text, answer in zip(texts, answers) if answer.first != NONE]


def held_back(caller):
    """Half of the callers, by their name alone: what is missed there is counted and not shown to whoever writes the rules."""
    return hashlib.sha256(b"held back:" + caller.encode()).digest()[0] % 2 == 1
