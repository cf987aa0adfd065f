"""Makes the files that do not start. Each maker is named as its kind in kinds.toml and makes the file `at`."""

import gzip
import io
import os
import shutil
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

# Where the tests keep static programs of other architectures: tests/fixtures.sh fetches them.
FIXTURES = Path(os.environ.get("RBINFMT_TEST_CACHE") or Path(__file__).parent.parent / ".cache")
NOWHERE = "/opt/toolchain/bin/python3.14"
WORKS = "#include <stdio.h>\nint main(void) { puts(\"it runs\"); return 0; }\n"


class Missing(Exception):
    """What is needed to make a file is not on this machine."""


def write(at, content, mode=0o755):
    at.write_bytes(content if isinstance(content, bytes) else content.encode())
    at.chmod(mode)


def compiled(at, *flags, source=WORKS):
    if not shutil.which("gcc"):
        raise Missing("gcc")
    subprocess.run(["gcc", "-x", "c", "-", "-x", "none", "-o", at, *flags], input=source.encode(), check=True, capture_output=True)


def fixture(at, arch, name="busybox"):
    program = FIXTURES / arch / name
    if not program.exists():
        raise Missing(f"{name} of {arch}: tests/fixtures.sh")
    shutil.copyfile(program, at)
    at.chmod(0o755)


def elf_header(machine, bits=64, kind=2, order="<"):
    """An ELF header with one PT_LOAD and nothing after it."""
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    if bits == 64:
        rest = struct.pack(order + "HHIQQQIHHHHHH", kind, machine, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        load = struct.pack(order + "IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 0x1000, 0x1000, 0x1000)
    else:
        rest = struct.pack(order + "HHIIIIIHHHHHH", kind, machine, 1, 0x400054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
        load = struct.pack(order + "IIIIIIII", 1, 0, 0x400000, 0x400000, 0x1000, 0x1000, 5, 0x1000)
    return ident + rest + load


def native(at):
    """A program that works, for kinds whose fault is not in it."""
    compiled(at)


def works(at):
    compiled(at, source="int main(void) { return 0; }\n")


def foreign_arm64(at):
    fixture(at, "arm64")


def foreign_arm64_bash(at):
    fixture(at, "arm64", "bash")


def foreign_armhf(at):
    fixture(at, "armhf")


def foreign_riscv64(at):
    fixture(at, "riscv64")


def foreign_s390x(at):
    fixture(at, "s390x")


def foreign_ppc64el(at):
    fixture(at, "ppc64el")


def foreign_loongarch(at):
    write(at, elf_header(258) + bytes(5000))


def empty(at):
    write(at, b"")


def zeros(at):
    write(at, bytes(8192))


def no_shebang(at):
    write(at, "# starts the service\nexport PORT=8080\n[[ -n \"$1\" ]] && echo it runs\n")


def no_shebang_python(at):
    write(at, "import os\nimport sys\n\nprint(os.getcwd())\nsys.exit(0)\n")


def no_shebang_node(at):
    write(at, "const http = require('http');\nhttp.createServer((q, r) => r.end('ok')).listen(8080);\n")


def blank_before_shebang(at):
    write(at, "\n#!/usr/bin/env python3\nimport os\nprint(os.getcwd())\n")


def bom(at):
    write(at, b"\xef\xbb\xbf#!/bin/sh\nfalse\n")


def crlf(at):
    write(at, "#!/bin/sh\r\necho it runs\r\n")


def crlf_bash(at):
    write(at, "#!/bin/bash\r\nset -e\r\necho it runs\r\n")


def crlf_env(at):
    write(at, "#!/usr/bin/env python3\r\nprint('it runs')\r\n")


def interpreter_missing(at):
    write(at, f"#!{NOWHERE}\nprint('it runs')\n")


def interpreter_missing_env(at):
    write(at, "#!/usr/bin/env pypy3.11\nprint('it runs')\n")


def interpreter_missing_nested(at):
    beside = at.parent / "wrapper"
    write(beside, f"#!{NOWHERE}\n")
    write(at, f"#!{beside}\n")


def interpreter_foreign(at):
    beside = at.parent / "python"
    fixture(beside, "arm64")
    write(at, f"#!{beside}\nprint('it runs')\n")


def interpreter_no_x(at):
    beside = at.parent / "python"
    native(beside)
    beside.chmod(0o644)
    write(at, f"#!{beside}\n")


def shebang_args(at):
    write(at, "#!/usr/bin/env python3 -u\nprint('it runs')\n")


def shebang_loop(at):
    write(at, f"#!{at}\n")


def shebang_too_long(at):
    write(at, "#!/" + "very-long-directory-name/" * 12 + "bin/python3\nprint('it runs')\n")


def loader_missing(at):
    compiled(at, "-Wl,--dynamic-linker=/opt/glibc-2.41/lib/ld-linux-x86-64.so.2")


def loader_missing_musl(at):
    # As under /lib on Alpine, but where this machine has none even with musl installed.
    compiled(at, "-Wl,--dynamic-linker=/usr/local/musl/lib/ld-musl-x86_64.so.1")


def loader_missing_i386(at):
    name = b"/lib/ld-linux.so.2\0"
    if Path("/lib/ld-linux.so.2").exists():
        raise Missing("this machine has the loader of i386")
    head = elf_header(3, bits=32, kind=2)
    head = head[:44] + struct.pack("<H", 2) + head[46:]
    interp = struct.pack("<IIIIIIII", 3, 116, 0x400074, 0x400074, len(name), len(name), 4, 1)
    write(at, head + interp + name + bytes(0x1000))


def loader_foreign(at):
    beside = at.parent / "ld.so"
    fixture(beside, "arm64")
    compiled(at, f"-Wl,--dynamic-linker={beside}")


def loader_text(at):
    beside = at.parent / "ld.so"
    write(beside, "not here\n")
    compiled(at, f"-Wl,--dynamic-linker={beside}")


def loader_no_x(at):
    beside = at.parent / "ld.so"
    shutil.copyfile("/lib64/ld-linux-x86-64.so.2", beside)
    beside.chmod(0o644)
    compiled(at, f"-Wl,--dynamic-linker={beside}")


def truncated_header(at):
    write(at, Path("/bin/echo").read_bytes()[:100])


def truncated_half(at):
    content = Path("/bin/bash").read_bytes()
    write(at, content[: len(content) // 3])


def html(at):
    write(at, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>404 Not Found</title></head>\n<body>\n<h1>Not Found</h1>\n</body>\n</html>\n")


def html_redirect(at):
    write(at, "<html><body>You are being <a href=\"https://example.org/login\">redirected</a>.</body></html>\n")


def not_found(at):
    write(at, "Not Found")


def json_error(at):
    write(at, "{\"message\":\"Bad credentials\",\"documentation_url\":\"https://docs.example.org/rest\"}\n")


def xml_denied(at):
    write(at, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>\n")


def licence(at):
    write(at, "Copyright (c) 2024 The Tool Authors. All rights reserved.\n\nRedistribution and use in source and binary forms are permitted.\n")


def gzip_tar(at):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as archive:
        archive.add("/bin/echo", "tool-1.2/tool")
    write(at, out.getvalue())


def gzip_file(at):
    write(at, gzip.compress(Path("/bin/echo").read_bytes(), mtime=0))


def zip_file(at):
    with zipfile.ZipFile(at, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write("/bin/echo", "tool")
    at.chmod(0o755)


def jar(at):
    with zipfile.ZipFile(at, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: org.example.Main\n")
        archive.writestr("org/example/Main.class", b"\xca\xfe\xba\xbe\0\0\0\x41")
    at.chmod(0o755)


def mach_o(at):
    # MH_MAGIC_64, CPU_TYPE_ARM64, MH_EXECUTE, and a __PAGEZERO segment.
    head = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x0100000C, 0, 2, 1, 72, 0x200085, 0)
    page_zero = struct.pack("<II16sQQQQIIII", 0x19, 72, b"__PAGEZERO", 0, 1 << 32, 0, 0, 0, 0, 0, 0)
    write(at, head + page_zero + bytes(16384))


def windows(at):
    stub = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8" + bytes(43) + struct.pack("<I", 128)
    stub += b"\x0e\x1f\xba\x0e\0\xb4\x09\xcd!\xb8\x01L\xcd!This program cannot be run in DOS mode.\r\r\n$"
    write(at, stub.ljust(128, b"\0") + b"PE\0\0" + struct.pack("<HH", 0x8664, 3) + bytes(4096))


def wasm(at):
    write(at, b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b")


def shared_library(at):
    compiled(at, "-shared", "-fPIC", source="int answer(void) { return 42; }\n")


def object_file(at):
    compiled(at, "-c", source="int main(void) { return 0; }\n")
    at.chmod(0o755)


def static_library(at):
    part = at.parent / "part.o"
    compiled(part, "-c", source="int answer(void) { return 42; }\n")
    subprocess.run(["ar", "rcs", at, part], check=True, capture_output=True)
    at.chmod(0o755)


def go_archive(at):
    if not shutil.which("go"):
        raise Missing("go")
    source = at.parent / "src"
    source.mkdir()
    write(source / "go.mod", "module example.org/tool\n\ngo 1.19\n")
    write(source / "tool.go", "package tool\n\n// Answer is what is asked for.\nfunc Answer() int { return 42 }\n")
    home = {"HOME": str(source), "GOFLAGS": "-mod=mod", "GOPROXY": "off", "PATH": os.environ["PATH"]}
    subprocess.run(["go", "build", "-o", at, "."], cwd=source, check=True, capture_output=True, env=home)
    at.chmod(0o755)


def git_lfs(at):
    write(at, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345678\n")


def directory(at):
    at.mkdir()
    (at / "readme").touch()


def no_x(at):
    native(at)
    at.chmod(0o644)


def no_x_script(at):
    write(at, "#!/bin/sh\necho it runs\n", 0o644)


def noexec_mount(at):
    """The file alone is such a mount: what the caller reads beside it is not."""
    native(at)
    subprocess.run(["mount", "--bind", at, at], check=True)
    subprocess.run(["mount", "-o", "remount,bind,noexec", at], check=True)


def dangling(at):
    at.symlink_to("../releases/current/server")


def symlink_loop(at):
    at.symlink_to(at.name)


def missing(_at):
    pass


def busy(at):
    """A program that is still open for writing: the descriptor is kept until the kind is cleared away."""
    native(at)
    return open(at, "r+b")


def many_arguments(at):
    """Callers that can are told to pass an argument longer than the kernel takes."""
    native(at)


def library_missing(at):
    library = at.parent / "libfoo.so.3"
    compiled(library, "-shared", "-fPIC", "-Wl,-soname,libfoo.so.3", source="int answer(void) { return 42; }\n")
    compiled(at, library, source="int answer(void);\nint main(void) { return answer(); }\n")
    library.unlink()


def glibc_too_old(at):
    """Linked with a mathematical library of a later glibc, as a program from a newer distribution is."""
    library, versions = at.parent / "libm.so.6", at.parent / "versions"
    versions.write_text("GLIBC_2.99 { answer; };\n")
    compiled(library, "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libm.so.6", f"-Wl,--version-script={versions}",
             source="int answer(void) { return 42; }\n")
    compiled(at, library, source="int answer(void);\nint main(void) { return answer(); }\n")
    library.unlink()
