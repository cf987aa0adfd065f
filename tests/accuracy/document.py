"""The numbers as text."""

import datetime
import hashlib
import json
import platform
import subprocess
from collections import Counter, defaultdict

import judge

INTRODUCTION = """# How often the doctor's answer to a text is right

Written by `tests/accuracy/run --document docs/doctor-accuracy.md`; tests/accuracy/README.md says how it is measured. Texts are what
real programs printed of files made not to start, and of real tools that failed for other reasons. Nobody wrote them, and the truth
comes from the files and from execve(2), not from rbinfmt's answers. The first cause counts, whatever follows it.

- **The text decides**: only one cause can be behind it, or the words themselves name it.
- **It leaves several**: any of those that it leaves is right.
- **Held back**: half of the callers, by a hash of their name; whoever writes the rules never sees a text that is missed there. For
  ld.so and Git's hooks the kinds that were missed have been looked at, and mended.
"""


def rate(verdicts):
    verdicts = list(verdicts)
    right = sum(v.right for v in verdicts)
    return f"{right} of {len(verdicts)} ({100 * right / len(verdicts):.1f} %)" if verdicts else "-"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def by(key, verdicts):
    groups = defaultdict(list)
    for verdict in verdicts:
        groups[key(verdict)].append(verdict)
    return sorted(groups.items())


def sample(rows, size=70):
    """Texts of as many callers, kinds and languages as there is room for, the same whenever the same is measured."""
    def order(row):
        return hashlib.sha256(f"{row[0].caller}:{row[0].kind}:{row[0].language}".encode()).digest()

    seen, lines = Counter(), ["# Written by tests/accuracy/run --sample. Do not edit: measure again.\n"]
    for text, truth in sorted(rows, key=order):
        # Two of a kind, two of a caller, and more that decide than do not.
        if len(lines) > size or max(seen[text.kind], seen[text.caller]) >= 2 or (not truth.decides and seen[False] >= size // 3):
            continue
        seen.update([text.kind, text.caller, truth.decides])
        said = text.text[-4000:].encode(errors="surrogateescape").decode(errors="replace")
        fields = {"caller": text.caller, "version": text.version, "kind": text.kind, "language": text.language,
                  "decides": truth.decides, "is": sorted(truth.causes), "text": said}
        # A string of JSON is one of TOML.
        lines.append("[[text]]\n" + "".join(f"{name} = {toml(value)}\n" for name, value in fields.items()))
    return "\n".join(lines)


def toml(value):
    """JSON's notation, which is TOML's for strings, lists and booleans, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class Figures:
    def __init__(self, program, texts, verdicts, in_logs, ordinary):
        self.program, self.texts, self.verdicts, self.ordinary = program, texts, verdicts, ordinary
        self.in_logs = [v for v in in_logs if v.text.result != "log"]
        self.logs = [v for v in in_logs if v.text.result == "log"]
        self.decided = [v for v in verdicts if v.truth.decides]
        self.left = [v for v in verdicts if not v.truth.decides]

    def totals(self):
        def row(name, wanted):
            return name, rate(v for v in self.decided if wanted(v)), rate(v for v in self.left if wanted(v))

        yield row("all", lambda _: True)
        yield row("shown", lambda v: not judge.held_back(v.text.caller))
        yield row("held back", lambda v: judge.held_back(v.text.caller))
        yield "in a log of thousands of lines", rate(self.in_logs), "-"

    def false(self):
        """What is said of texts that have no cause here, by how surely."""
        said = Counter(v.answer.strength for v in [*self.ordinary, *self.logs] if not v.right)
        return ", ".join(f"{count} {strength}" for strength, count in said.items()) or "none"

    def percent(self):
        return 100 * sum(v.right for v in self.decided) / max(1, len(self.decided))

    def summary(self):
        lines = [f"{len(self.texts)} texts", *(f"{name}: {decided} decided, {left} left open" for name, decided, left in self.totals())]
        lines += [f"{name}: {rate(v for v in group if v.truth.decides)}" for name, group in by(lambda v: v.text.language, self.verdicts)]
        lines += [f"{len(self.ordinary)} ordinary failures and {len(self.logs)} logs: a cause for {self.false()}"]
        lines += [f"  {v.answer.strength} {v.answer.first}: {v.text.name}\n    " + v.text.text[:200].rstrip().replace("\n", "\n    ")
                  for v in [*self.ordinary, *self.logs] if not v.right]
        return "\n".join(lines)

    def page(self):
        version = subprocess.run([self.program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        today = datetime.date.today().isoformat()
        debian = platform.freedesktop_os_release()["PRETTY_NAME"]
        strengths = Counter((v.answer.strength, v.right) for v in self.decided)
        return "\n".join([
            INTRODUCTION,
            f"{today}, {version.stdout.split()[-1]}, {debian}, Linux {platform.release()} {platform.machine()}.\n",
            table(["texts", "the text decides", "it leaves several"], self.totals()),
            f"Of {len(self.ordinary)} ordinary failures and {len(self.logs)} logs without any, a cause is named for: {self.false()}.\n",
            "## How sure the answers are where the text decides\n",
            table(["answer", "right", "wrong"], [(s, strengths[s, True], strengths[s, False]) for s in ("certain", "likely", "possible", "none")]),
            "## By language\n",
            self.part("language", lambda v: v.text.language),
            "## By kind of file\n",
            self.part("kind", lambda v: v.text.kind),
            "## By caller\n",
            table(["caller", "version", "the text decides", "it leaves several"],
                  ((name, group[0].text.version, *self.both(group)) for name, group in by(lambda v: v.text.caller, self.verdicts))),
            "## Logs\n",
            table(["log", "lines"], ((v.text.name, v.text.text.count("\n")) for v in self.logs)),
            "## Ordinary failures\n",
            table(["tool", "failures"], ((name, len(group)) for name, group in by(lambda v: v.text.caller, self.ordinary))),
        ])

    def both(self, group):
        return rate(v for v in group if v.truth.decides), rate(v for v in group if not v.truth.decides)

    def part(self, name, key):
        return table([name, "the text decides", "it leaves several"], ((name, *self.both(group)) for name, group in by(key, self.verdicts)))
