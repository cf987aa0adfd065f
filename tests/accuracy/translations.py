#!/usr/bin/python3
"""Writes src/doctor/message/words/translations.toml from the catalogues that the C library and the callers themselves use.

    apt-get install locales bash coreutils git sudo     # on Debian; a system that leaves /usr/share/locale out has none
    tests/accuracy/translations.py > src/doctor/message/words/translations.toml

For each message: what is said in each language that says it differently, as the doctor sees it (`clean.rs`: in lower case, with
straight quotes), with … where the program puts a name.
"""

import gettext
import re
import sys
from pathlib import Path

LOCALES = Path("/usr/share/locale")
# The message, by the name under which the words ask for it, and the catalogues that have it, the first of which is taken.
MESSAGES = {
    "Success": ["libc"],
    "Exec format error": ["libc"],
    "Accessing a corrupted shared library": ["libc"],
    "No such file or directory": ["libc"],
    "Permission denied": ["libc"],
    "Operation not permitted": ["libc"],
    "Too many levels of symbolic links": ["libc"],
    "Text file busy": ["libc"],
    "Is a directory": ["libc"],
    "Not a directory": ["libc"],
    "Input/output error": ["libc"],
    "Invalid argument": ["libc"],
    "File exists": ["libc"],
    "Argument list too long": ["libc"],
    "Cannot allocate memory": ["libc"],
    "File name too long": ["libc"],
    "Illegal instruction": ["libc"],
    "%s: cannot execute binary file": ["bash"],
    "%s: cannot execute binary file: %s": ["bash"],
    "%s: cannot execute: %s": ["bash"],
    "%s: cannot execute: required file not found": ["bash"],
    "%s: %s: bad interpreter": ["bash"],
    "%s: command not found": ["bash"],
    "%s: not found": ["bash"],
    "syntax error near unexpected token `%s'": ["bash"],
    "syntax error near `%s'": ["bash"],
    "line %d: ": ["bash"],
    "failed to run command %s": ["coreutils"],
    "cannot run %s": ["coreutils"],
    "unable to execute %s": ["sudo", "sudoers"],
    "unable to execute %s: %m": ["sudoers"],
    "failed to exec '%s'": ["git"],
}
STRAIGHT = str.maketrans({**dict.fromkeys("‘’`´′‚", "'"), **dict.fromkeys("“”„«»「」", '"'),
                          **dict.fromkeys("\u00a0\u202f\u3000\t", " "), "：": ": ", "（": "(", "）": ")", "，": ","})


def catalogue(language, domain):
    file = LOCALES / language / "LC_MESSAGES" / f"{domain}.mo"
    return gettext.GNUTranslations(file.open("rb"))._catalog if file.exists() else {}


def as_seen(text):
    text = re.sub(r"%(\d\$)?[-+\d.]*[sdmu]", "…", text.strip()).translate(STRAIGHT)
    text = "".join(c.lower() if c.isascii() else c for c in text)
    return text.strip("…: .'\"")


def main():
    languages = sorted(path.parent.parent.name for path in LOCALES.glob("*/LC_MESSAGES/libc.mo"))
    languages = [language for language in languages if not language.startswith("en")]
    print(f"# Made by tests/accuracy/{Path(__file__).name} from the catalogues of Debian: what is said in other languages of some messages.")
    for message, domains in MESSAGES.items():
        texts = {}
        for language in languages:
            said = next(filter(None, (catalogue(language, domain).get(message) for domain in domains)), message)
            if as_seen(said) != as_seen(message):
                texts[language] = as_seen(said)
        if not texts:
            sys.exit(f"no catalogue has {message!r}")
        print(f"\n[{quoted(message)}]")
        for language, text in texts.items():
            print(f"{quoted(language) if '@' in language else language} = {quoted(text)}")


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    main()
