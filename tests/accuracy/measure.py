"""Runs the callers on the files and keeps what they print."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import files

HERE = Path(__file__).parent
SECONDS = 20
LIMIT = 64 * 1024
# Where the file lies and what it is called: names that tell nothing of it, one for each caller.
# Kinds whose fault is not in the file's content or mode, and is lost when it is copied.
NOT_COPIED = {"noexec_mount", "busy", "missing", "dangling", "symlink_loop", "directory", "many_arguments"}
PLACES = [
    "/srv/app/server", "/srv/build/tools/generator", "/srv/service/worker", "/srv/bin/kubetool", "/srv/ci/step-2",
    "/srv/site/a.out", "/srv/deploy/agent", "/srv/project/bin/backend",
]
CARGO = str(Path(shutil.which("cargo") or "/usr/bin/cargo").parent)
# By the name of the catalogue of messages; C is what programs print untranslated.
LANGUAGES = {"C": "C", "de": "de_DE", "fr": "fr_FR", "es": "es_ES", "ja": "ja_JP", "zh": "zh_CN"}


@dataclass
class Text:
    """What one caller printed of one file. `result` is what execve(2) says of it: an error's name, a signal's, or `starts`."""

    caller: str
    version: str
    kind: str
    language: str
    name: str
    result: str
    text: str


def table(name):
    return tomllib.loads((HERE / name).read_text())


def place_of(caller):
    """The same in every run, whatever else is measured."""
    return Path(PLACES[hashlib.sha256(caller.encode()).digest()[0] % len(PLACES)])


def environment(language, locales):
    """Nothing of the user's but where cargo keeps its toolchain; Debian's commands before others of the same name."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin", "HOME": "/srv", "LANG": "C.UTF-8"}
    for name, folder in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")):
        env[name] = os.environ.get(name) or str(Path.home() / folder)
    if language != "C":
        locale = f"{LANGUAGES[language]}.UTF-8"
        env |= {"LANG": locale, "LC_ALL": locale, "LANGUAGE": LANGUAGES[language], "LOCPATH": str(locales)}
    return env


def make_locales(to, languages):
    for language in set(languages) - {"C"}:
        subprocess.run(["localedef", "-i", LANGUAGES[language], "-f", "UTF-8", to / f"{LANGUAGES[language]}.UTF-8"], check=False,
                       capture_output=True)


def run(command, cwd, env, seconds=SECONDS, limit=LIMIT):
    """What a shell's command prints. It and all that it started in its session ends with it."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(["/bin/sh", "-c", command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        out.seek(0)
        return process.returncode, out.read(limit)


def kernel_says(at, kind):
    """What execve(2) answers, asked without anyone in between."""
    try:
        process = subprocess.Popen([at, *(["x" * 140_000] if kind == "many_arguments" else [])], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as error:
        return errno.errorcode[error.errno]
    code = process.wait(SECONDS)
    return signal.Signals(-code).name if code < 0 else "starts"


@contextlib.contextmanager
def made(kind, at):
    """The file, and beside it nothing but what it needs; all is gone afterwards."""
    shutil.rmtree(at.parent, ignore_errors=True)
    at.parent.mkdir(parents=True)
    kept = None
    try:
        kept = getattr(files, kind)(at)
        yield
    finally:
        if kept:
            kept.close()
        if kind == "noexec_mount":
            subprocess.run(["umount", at], check=False, capture_output=True)
        shutil.rmtree(at.parent, ignore_errors=True)


class Callers:
    """Those that this machine has, and why it lacks the others."""

    def __init__(self, wanted, scratch):
        self.scratch = scratch
        self.missing, self.here, self.versions = {}, [], {}
        self.engines = self.docker = None
        for caller in table("callers.toml")["caller"]:
            if not wanted(caller["name"]):
                continue
            needs = [n.replace("{fixtures}", str(files.FIXTURES)) for n in caller.get("needs", [re.split(r"[ ,]", caller["name"])[0]])]
            if lacking := [n for n in needs if not shutil.which(n, path=f"{environment('C', None)['PATH']}:{CARGO}")]:
                self.missing[caller["name"]] = f"{' '.join(lacking)} ({caller['package']})"
                continue
            caller["built"] = self.build(caller)
            if caller.get("engine") and not self.engines:
                self.start_engines()
            self.versions[caller["name"]] = self.version(caller)
            self.here.append(caller)

    def start_engines(self):
        """They end with the worker: its pipe to them closes."""
        self.engines = Path(tempfile.mkdtemp(dir=self.scratch))
        process = subprocess.Popen([HERE / "engines.sh", self.engines], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=environment("C", None))
        self.docker = process.stdout.readline().decode().strip()

    def build(self, caller):
        """The program of a caller that is one in a language that is compiled."""
        if not (kind := caller.get("build")):
            return ""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        source = folder / {"go": "main.go", "rust": "main.rs", "c": "main.c"}[kind]
        source.write_text(caller["source"])
        command = {"go": "go build -o start main.go", "rust": f"{CARGO}/rustc -o start main.rs", "c": "gcc -o start main.c"}[kind]
        code, said = run(f"GOCACHE={folder}/cache {command}", folder, environment("C", None), 120)
        if code != 0:
            raise SystemExit(f"building the caller {caller['name']}: {said.decode(errors='replace')}")
        return str(folder / "start")

    def version(self, caller):
        command = f"PATH=$PATH:{CARGO}; {caller['version']}".replace("{fixtures}", str(files.FIXTURES))
        said = run(command, "/", environment("C", None))[1].decode(errors="replace").strip()
        return said.split("\n")[0].replace("\t", " ")[:60]

    def text(self, caller, env, command):
        at = place_of(caller["name"])
        words = {"{file}": f"./{at.name}", "{path}": str(at), "{name}": at.name, "{dir}": str(at.parent),
                 "{built}": caller["built"], "{cargo}": CARGO, "{engines}": str(self.engines), "{fixtures}": str(files.FIXTURES)}

        def filled(text):
            for word, value in words.items():
                text = text.replace(word, value)
            return text

        before = set(os.listdir(at.parent))
        for name, content in caller.get("files", {}).items():
            beside = at.parent / name
            beside.parent.mkdir(exist_ok=True)
            files.write(beside, filled(content))
        try:
            return run(filled(command), at.parent, env | ({"DOCKER_HOST": self.docker} if self.docker else {}))[1]
        finally:
            for name in set(os.listdir(at.parent)) - before:
                left = at.parent / name
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()

    def texts(self, kinds, languages, locales):
        """Every text: for each place and kind the file is made once."""
        for place in map(Path, PLACES):
            callers = [c for c in self.here if place_of(c["name"]) == place]
            for kind in kinds if callers else []:
                try:
                    yield from self.of_kind(kind, place, callers, lambda caller: languages if caller.get("speaks") else ["C"], locales)
                except files.Missing as why:
                    self.missing[f"kind {kind}"] = str(why)

    def of_kind(self, kind, place, callers, languages, locales):
        """None of them when the kernel's answer changes meanwhile: the machine's table of binfmt_misc is everybody's."""
        texts = []
        with made(kind, place):
            result = kernel_says(place, kind)
            for caller in callers:
                command = caller.get("many") if kind == "many_arguments" else caller["run"]
                if command is None or (caller.get("copies") and kind in NOT_COPIED):
                    continue
                for language in languages(caller):
                    said = self.text(caller, environment(language, locales), command).decode(errors="surrogateescape")
                    texts.append(Text(caller["name"], self.versions[caller["name"]], kind, language, place.name, result, said))
            after = kernel_says(place, kind)
        if after != result or (kind.startswith("foreign_") and result == "starts"):
            raise files.Missing(f"something on this machine runs it ({result}, then {after})")
        return texts
