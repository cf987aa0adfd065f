"""Which causes a text allows, decided from what the caller printed of all files, never from an answer.

1. Words that name a cause wherever they stand (truth.toml, `words`) decide.
2. Where a shell read the file as its own script, the words of the file that it printed decide (kinds.toml, `shows`). Bytes that
   are no text tell that the file is no script. A mere syntax error leaves all that execve(2) does not know.
3. Files on which one caller prints the same text cannot be told apart by anybody. Where one cause is behind all of them, the text
   decides. Where it is printed of every file on which execve(2) fails so, the text tells no more than the error, and what is
   behind that error is right. Else any of the causes of these files is.
"""

import re
from collections import defaultdict
from dataclasses import dataclass

from measure import table

NONE = "none"
# Of builders and of supervisors.
PROGRESS = (r"^#\d+ (sha256:|DONE|CACHED|transferring|exporting|writing)|^Sending build context|^ ?-+> "
            r"|^[-\d]+ [\d:,]+ (INFO (spawned|success|waiting|gave up)|WARN (received|stopped|exited))")
# What the files print whose fault the caller does not mind: ld.so starts a program without the x bit.
RUNS = "it runs"


@dataclass(frozen=True)
class Truth:
    causes: frozenset
    decides: bool


def same(text):
    """The text without what differs between two runs."""
    text = re.sub(r"0x[0-9a-f]+|\b(?=[a-f]*[0-9])[0-9a-f]{11,64}\b", "X", text)
    return re.sub(r"\d+", "N", text)


def lines(text, well):
    """What is said, in whatever order and how often, but for what is said of a program that works, too, and for progress, which
    depends on how busy the machine is."""
    said = (line.strip() for line in text.text.splitlines() if not re.search(PROGRESS, line))
    return frozenset(line for line in map(same, said) if line and line not in well)


def read_as_script(text, name):
    """Whether a shell prints errors with the file's name and a line of it, or, as yash does in two languages, in the name of sh."""
    name = re.escape(name)
    with_line = rf"(^|/|\s|-){name}: ?(line )?\d+: |(^|/){name}\[\d+\]: |(^|/){name}: \S+ \d+ ?[:：]|^sh: (no such command|cannot (read|execute)|.*(というようなコマンドはありません|を実行できません))"
    return re.search(with_line, text, re.M) is not None


class Truths:
    def __init__(self):
        self.kinds, self.table = table("kinds.toml")["kind"], table("truth.toml")
        self.callers = {caller["name"]: caller for caller in table("callers.toml")["caller"]}

    def of(self, texts):
        """A truth by kind for the texts of one caller in one language; none where the file ran, or nothing was printed."""
        well = set().union(*(lines(text, set()) for text in texts if text.kind == "works"))
        said = {text.kind: lines(text, well) for text in texts}
        texts = [text for text in texts if said[text.kind] and RUNS not in text.text]
        groups, by_result, truths = defaultdict(set), defaultdict(set), {}
        results = {text.kind: text.result for text in texts}
        told = {text.kind: self.in_words(text) or self.script(text) for text in texts}
        for text in texts:
            if not told[text.kind]:
                groups[said[text.kind]].add(text.kind)
                by_result[text.result].add(text.kind)
        for text in texts:
            kinds = groups[said[text.kind]]
            truths[text.kind] = told[text.kind] or self.group(kinds, {results[kind] for kind in kinds}, by_result, text.caller)
        return truths

    def in_words(self, text):
        for words in self.table["words"]:
            if re.search(words["says"], text.text, re.M):
                return truth(words["cause"])
        return None

    def script(self, text):
        name = self.callers[text.caller].get("called", text.name)
        if not read_as_script(text.text, name):
            return None
        kind = self.kinds[text.kind]
        if "shows" in kind and re.search(kind["shows"], text.text):
            return truth(kind.get("shown", kind["cause"]))
        causes = [*kind["cause"], "sh-fallback-garbage"]
        if re.search(r"[\x00-\x08\x0e-\x1a\x7f\udc80-\udcff]", text.text) and name in text.text:
            return truth(causes)
        return Truth(frozenset([*causes, *self.table["errno"]["ENOEXEC"], *([] if name in text.text else [NONE])]), False)

    def group(self, kinds, results, by_result, caller):
        causes = [set(self.kinds[kind]["cause"]) for kind in kinds]
        shared, every = set.intersection(*causes), set.union(*causes)
        plain = any(self.kinds[kind].get("plain") for kind in kinds)
        if plain or (len(results) == 1 and kinds == by_result[next(iter(results))]):
            behind = set().union(*(self.table["errno"].get(result, []) for result in results))
            shared = shared if behind <= every else set()
            every |= behind
        crashed = any(result.startswith("SIG") for result in results)
        shared = set() if crashed else shared
        right = shared or every
        for context in self.callers[caller].get("context", []):
            for cause, more in self.table["context"].get(context, {}).items():
                right |= set(more) if cause in right else set()
        # Errors of different kinds in one text, a crash, and a file that is not there can be something else altogether.
        vague = len(results) > 1 or plain or crashed
        if self.callers[caller].get("ordinary"):
            vague |= not results <= {"ENOEXEC", "ELIBBAD", "starts"}
        return Truth(frozenset(right | ({NONE} if vague and not shared else set())), bool(shared))


def truth(causes):
    return Truth(frozenset(causes), NONE not in causes)
