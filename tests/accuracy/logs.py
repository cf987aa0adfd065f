"""Logs of thousands of lines, made by real builds on the spot, into which a text is put."""

import hashlib
import shutil
from pathlib import Path

import files
from measure import Text, environment, run

LANGUAGE, LIMIT, SECONDS = "C", 2 << 20, 240
# At most so many texts of one caller are asked again inside a log.
OF_ONE_CALLER = 4
UNITS = 300

MAKEFILE = """OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))
all: program
program: $(OBJECTS)
\tgcc -o $@ $^
%.o: %.c
\tgcc -Wall -Wextra -O0 -g -DVERSION=\\"1.2.3\\" -I. -Iinclude -c -o $@ $<
"""
NINJA = "rule cc\n  command = gcc -Wall -Wextra -c $in -o $out\n  description = CC $out\n"
# Each warns: a compiler's warning is five lines.
UNIT = "int unit_{n}(int a, char *unused) {{ int never; unsigned b = 3; if (a < b) return 1; return a; }}\n"
LOGS = {
    "make": ("make", "make -j2"),
    "ninja -v": ("ninja", "ninja -v"),
    "cmake --trace": ("cmake", "cmake --trace -S . -B build"),
    "apt-get --simulate": ("apt-get", "apt-get install --simulate gnome libreoffice gcc-aarch64-linux-gnu qemu-user-static"),
    "tar -v": ("tar", "tar -cvf /dev/null /usr/share/perl /usr/lib/python3 2>&1 | head -4000"),
}


def texts():
    """The logs, and why one is missing."""
    place, env = Path("/srv/log"), environment(LANGUAGE, None)
    for name, (needs, command) in LOGS.items():
        if not shutil.which(needs, path=env["PATH"]):
            yield None, f"log {name}: {needs} is not installed"
            continue
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for n in range(UNITS):
            files.write(place / f"unit_{n}.c", UNIT.format(n=n))
        files.write(place / "main.c", "int main(void) { return 0; }\n")
        files.write(place / "Makefile", MAKEFILE)
        files.write(place / "build.ninja", NINJA + "".join(f"build unit_{n}.o: cc unit_{n}.c\n" for n in range(UNITS)))
        files.write(place / "CMakeLists.txt", "cmake_minimum_required(VERSION 3.18)\nproject(tool C CXX)\n")
        said = run(command, place, env, SECONDS, LIMIT)[1].decode(errors="surrogateescape")
        yield Text(name, "", "log", LANGUAGE, name, "log", said), None


def some(rows):
    """Of the texts that decide, the same few of each caller in every run."""
    def order(row):
        return hashlib.sha256(f"{row[0].caller}:{row[0].kind}".encode()).digest()

    taken = {}
    for row in sorted((row for row in rows if row[0].language == LANGUAGE and row[1].decides), key=order):
        taken.setdefault(row[0].caller, []).append(row)
    return [row for rows in taken.values() for row in rows[:OF_ONE_CALLER]]


def inside(log, said):
    """The text at two thirds of the log, where one of its lines ends."""
    at = log.find(b"\n", len(log) * 2 // 3) + 1
    return log[:at] + said.rstrip(b"\n") + b"\n" + log[at:]
