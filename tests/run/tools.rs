//! Other tools that start what they have built through `rbinfmt run`, as docs/run.md says. cargo, meson and CMake get a program of
//! arm64 in the place of what a cross compiler would link; go compiles for arm64 itself.

use std::path::Path;
use std::process::Command;

use crate::common::{Need, ended_well, fixtures, skipped};
use crate::has;
use crate::user::{shared, user};

/// Where a linker is called, a bash of arm64 comes out.
const LINKER: &str = r#"#!/bin/sh
while [ "$1" != -o ]; do shift; done
cp "$BASH_ARM64" "$2"
"#;

/// Runs a script as whoever runs the tests, whose toolchain it is, in a directory with `linker`. $RUN are the words that go before a
/// program, and rbinfmt itself is in PATH.
fn with_tool(tool: &str, script: &str) -> Option<String> {
    user()?;
    if !has(tool) {
        return skipped(Need::Setup, &format!("{tool} is not installed"));
    }
    let shared = shared()?;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("linker"), LINKER).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", &format!("set -e; chmod +x linker\n{script}")]).current_dir(directory.path());
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", shared.display())).env("BASH_ARM64", fixtures().join("arm64/bash"));
    command.env("RUN", format!("rbinfmt --emulators {} run --", shared.join("emulators").display()));
    command.env("HERE", directory.path()).env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    Some(ended_well(&command.output().unwrap()))
}

#[test]
fn cargo_runs_what_it_built() {
    let Some(out) = with_tool(
        "cargo",
        r#"
        host=$(rustc -vV | sed -n 's/^host: //p')
        mkdir -p src .cargo; echo 'fn main() {}' >src/main.rs
        printf '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n' >Cargo.toml
        printf '[target.%s]\nlinker = "%s/linker"\nrunner = "%s"\n' $host $HERE "$RUN" >.cargo/config.toml
        cargo run -q --offline --target $host -- -c 'echo $MACHTYPE "$@"' app one 'two three'"#,
    ) else {
        return;
    };
    assert_eq!(out, "aarch64-unknown-linux-gnu one two three\n");
}

#[test]
fn meson_runs_its_tests() {
    if !has("rustc") || !has("cc") {
        return skipped(Need::Setup, "meson needs rustc and cc here").unwrap_or(());
    }
    let Some(out) = with_tool(
        "meson",
        r#"
        printf "project('app', 'rust')\ntest('runs', executable('app', 'app.rs'), args: ['-c', 'echo is \$MACHTYPE'])\n" >meson.build
        echo 'fn main() {}' >app.rs
        words=$(printf "'%s', " $RUN)
        cat >cross.ini <<INI
[binaries]
c = 'cc'
rust = 'rustc'
exe_wrapper = [${words%, }]
[built-in options]
rust_args = ['-C', 'linker=$HERE/linker']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
INI
        meson setup build --cross-file cross.ini >setup.log || { cat setup.log; exit 1; }
        meson test -C build -v"#,
    ) else {
        return;
    };
    assert!(out.contains("is aarch64-unknown-linux-gnu\n"), "{out}");
}

#[test]
fn cmake_runs_its_tests() {
    let Some(out) = with_tool(
        "cmake",
        r#"
        cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.15)
project(app LANGUAGES NONE)
enable_testing()
add_executable(app IMPORTED)
set_target_properties(app PROPERTIES IMPORTED_LOCATION $ENV{BASH_ARM64})
add_test(NAME runs COMMAND app -c "echo is $MACHTYPE")
CMAKE
        printf 'set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR aarch64)\nset(CMAKE_CROSSCOMPILING_EMULATOR %s)\n' "$RUN" >arm64.cmake
        cmake -S . -B build -DCMAKE_TOOLCHAIN_FILE=$PWD/arm64.cmake >cmake.log 2>&1 || { cat cmake.log; exit 1; }
        cd build; ctest -V"#,
    ) else {
        return;
    };
    assert!(out.contains("is aarch64-unknown-linux-gnu\n"), "{out}");
}

#[test]
fn go_runs_what_it_built() {
    if !Path::new("/usr/bin/go").exists() {
        return skipped(Need::Setup, "go is not installed").unwrap_or(());
    }
    let Some(out) = with_tool(
        "go",
        r#"
        printf 'package main\n\nimport ("os"; "runtime")\n\nfunc main() { println(runtime.GOARCH, len(os.Args)) }\n' >main.go
        GOARCH=arm64 CGO_ENABLED=0 GOFLAGS=-mod=mod go run -exec "$RUN" main.go one two 2>&1"#,
    ) else {
        return;
    };
    assert_eq!(out, "arm64 3\n");
}
