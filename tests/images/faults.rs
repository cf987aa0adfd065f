//! Images that cannot start, or that are not what they say.

use serde_json::json;

use crate::make::{Image, Layer, OTHER, OWN, busybox, dynamic, image, program};
use crate::{World, ids, plain, runs};

fn judged(image: &Image) -> (i32, serde_json::Value) {
    let world = World::new();
    world.judged(&world.saved(image))
}

fn own() -> String {
    format!("linux/{OWN}")
}

#[test]
fn a_sound_image_of_this_machine() {
    let layer = Layer::new().file("app", 0o755, program(OWN)).file("etc/passwd", 0o644, "me:x:7:7::/:\n");
    let (code, exam) = judged(&image(&own(), &["/app", "-v"], vec![layer]).with("User", json!("me")));
    let platform = &exam["platforms"][0];
    assert_eq!((code, runs(&exam)), (0, vec![(own().as_str(), "native")]), "{exam}");
    assert_eq!(platform["outcome"]["kind"], "starts");
    assert_eq!(platform["chain"][0]["argv"], json!(["/app", "-v"]));
    assert!(ids(platform).is_empty());
}

#[test]
fn another_platform_with_and_without_an_emulator() {
    let image = image("linux/s390x", &["/app"], vec![Layer::new().file("app", 0o755, program(OTHER))]);
    let world = World::emulates("F");
    let (code, exam) = world.judged(&world.saved(&image));
    assert_eq!((code, runs(&exam)), (0, vec![("linux/s390x", "emulated")]), "{exam}");
    assert_eq!(exam["platforms"][0]["by"], json!(["qemu-s390x"]));
    assert_eq!(ids(&exam["platforms"][0]), ["image-platform-mismatch"]);

    // Without flag F the kernel looks for the emulator in the image.
    let world = World::emulates("");
    let (code, exam) = world.judged(&world.saved(&image));
    assert_eq!((code, runs(&exam)), (1, vec![("linux/s390x", "no")]));
    assert_eq!(ids(&exam["platforms"][0]), ["binfmt-no-f-flag"]);

    let (code, exam) = judged(&image);
    assert_eq!((code, runs(&exam)), (1, vec![("linux/s390x", "no")]));
    assert_eq!(ids(&exam["platforms"][0]), ["foreign-arch-no-handler"]);
    let fixes = exam["platforms"][0]["findings"][0]["fixes"].to_string();
    assert!(fixes.contains("rbinfmt install s390x"), "{fixes}");
}

#[test]
fn an_image_that_says_another_cpu_than_it_holds() {
    let layer = || Layer::new().file("app", 0o755, program(OWN)).file("lib/x", 0o644, program(OWN));
    let lies = image("linux/s390x", &["/app"], vec![layer()]);
    let world = World::emulates("F");
    let (code, exam) = world.judged(&world.saved(&lies));
    // It runs here, and fails where it is meant for.
    assert_eq!((code, runs(&exam)), (1, vec![("linux/s390x", "native")]), "{exam}");
    assert_eq!(ids(&exam["platforms"][0]), ["image-lies-about-arch"]);
    let (_, text, _) = world.doctor(&[&world.saved(&lies)]);
    if OWN == "amd64" {
        insta::assert_snapshot!(plain(&text, world.dir.path()));
    }
    // Without a command, what most of its programs are for counts.
    let (code, exam) = judged(&image("linux/s390x", &[], vec![layer()]));
    assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["image-lies-about-arch"]));
}

#[test]
fn a_script_whose_shell_is_for_another_cpu() {
    let layer = Layer::new().file("run", 0o755, "#!/bin/sh\nexec /app\n").file("bin/sh", 0o755, program(OTHER));
    let (code, exam) = judged(&image(&own(), &["/run"], vec![layer.file("app", 0o755, program(OWN))]));
    assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["image-lies-about-arch"]), "{exam}");
    assert_eq!(exam["platforms"][0]["shell"], json!({"path": "/bin/sh", "arch": OTHER}));
    assert_eq!(exam["platforms"][0]["foreign"][0]["paths"], json!(["/bin/sh"]));
}

#[test]
fn the_program_behind_a_shell_and_behind_an_init() {
    let layer = || {
        Layer::new().file("bin/sh", 0o755, program(OWN)).file("sbin/tini", 0o755, program(OWN)).file(
            "srv/app",
            0o755,
            program(OTHER),
        )
    };
    for argv in [
        &["/bin/sh", "-c", "A=1 exec ./app --port 80"][..],
        &["tini", "-g", "--", "/srv/app"],
        &["/sbin/tini", "--", "./app"],
    ] {
        let (code, exam) = judged(&image(&own(), argv, vec![layer()]).with("WorkingDir", json!("/srv")));
        assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["image-lies-about-arch"]), "{exam}");
        assert_eq!(exam["platforms"][0]["command"]["arch"], OTHER);
    }
    let image = image(&own(), &["/bin/sh"], vec![layer()]).with("Cmd", json!(["/srv/app"]));
    assert_eq!(judged(&image).0, 1);
}

#[test]
fn an_env_that_qemu_takes_for_an_option() {
    let layer = Layer::new().file("app", 0o755, program(OTHER));
    let image = image("linux/s390x", &["/app"], vec![layer]).with("Env", json!(["QEMU_VERSION=", "PATH=/bin"]));
    let world = World::emulates("F");
    let (code, exam) = world.judged(&world.saved(&image));
    assert_eq!((code, runs(&exam)), (0, vec![("linux/s390x", "emulated")]), "{exam}");
    assert_eq!(ids(&exam["platforms"][0]), ["qemu-environment", "image-platform-mismatch"]);
}

#[test]
fn scripts_that_no_kernel_starts() {
    let shell = || Layer::new().file("bin/sh", 0o755, program(OWN));
    for (body, mode, id) in [
        (&b"#!/bin/sh\r\nexec true\r\n"[..], 0o755, "crlf-shebang"),
        (b"#!/bin/bash\n", 0o755, "shebang-interpreter-missing"),
        (b"#!/bin/sh\n", 0o644, "no-exec-bit"),
        (b"echo hello\n", 0o755, "missing-shebang"),
        (b"", 0o755, "empty-or-zero-file"),
        (
            b"!<arch>\n__.PKGDEF       0           0     0     644     7955      `\ngo object linux",
            0o755,
            "go-archive-not-main",
        ),
        (b"\0asm\x01\0\0\0", 0o755, "wasm-in-runc"),
    ] {
        let image = image(&own(), &["/run.sh"], vec![shell().file("run.sh", mode, body)]);
        let (code, exam) = judged(&image);
        assert_eq!((code, ids(&exam["platforms"][0])), (1, vec![id]), "{exam}");
        assert_eq!(runs(&exam)[0].1, "no");
    }
}

#[test]
fn commands_that_no_runtime_finds() {
    let layer = || Layer::new().file("opt/bin/app", 0o755, program(OWN)).file("bin/app", 0o644, program(OWN));
    let find = |argv: &[&str], path: Option<&str>| {
        let mut image = image(&own(), argv, vec![layer()]);
        if let Some(path) = path {
            image = image.with("Env", json!([format!("PATH={path}")]));
        }
        let (code, exam) = judged(&image);
        (code, exam["platforms"][0].clone())
    };
    assert_eq!(find(&["app"], Some("/bin:/opt/bin")).0, 0);
    for (argv, seen) in [
        (&["app"][..], "/bin/app has no x bit"),
        (&["app -v"], "contains a blank"),
        (&["/no/app"], "/no/app is not in"),
    ] {
        let (code, platform) = find(argv, None);
        assert_eq!((code, ids(&platform)), (1, vec!["path-lookup-failed"]));
        assert!(platform["findings"].to_string().contains(seen), "{platform}");
    }
}

#[test]
fn users_and_arguments_that_no_container_starts_with() {
    let layer = || Layer::new().file("app", 0o755, program(OWN)).file("etc/passwd", 0o644, "me:x:7:7::/:\n");
    let (code, exam) = judged(&image(&own(), &["/app"], vec![layer()]).with("User", json!("other")));
    assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["image-user-missing"]), "{exam}");
    // One string may have 128 KiB.
    let long = "x".repeat(200_000);
    let (code, exam) = judged(&image(&own(), &["/app", &long], vec![layer()]));
    assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["arguments-too-long"]));
}

#[test]
fn loaders_that_are_missing_or_wrong() {
    let loader = "/lib/ld-linux-x86-64.so.2";
    let app = || Layer::new().file("app", 0o755, dynamic("amd64", loader));
    let judge = |layer: Layer| {
        let (code, exam) = judged(&image("linux/amd64", &["/app"], vec![layer]));
        (code, ids(&exam["platforms"][0]).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(judge(app()), (1, vec!["missing-elf-loader".to_owned()]));
    assert_eq!(judge(app().file(&loader[1..], 0o755, program("arm64"))), (1, vec!["loader-wrong-arch".to_owned()]));
    assert_eq!(judge(app().file(&loader[1..], 0o755, program("amd64"))).1, Vec::<String>::new());
    // A link of the image leads nowhere else.
    assert_eq!(judge(app().link(&loader[1..], "/proc/1/root/bin/sh")).1, ["missing-elf-loader"]);
}

#[test]
fn real_busyboxes_of_six_architectures() {
    for (debian, platform) in [
        ("arm64", "linux/arm64/v8"),
        ("armhf", "linux/arm/v7"),
        ("i386", "linux/386"),
        ("mips64el", "linux/mips64le"),
        ("ppc64el", "linux/ppc64le"),
        ("riscv64", "linux/riscv64"),
        ("s390x", "linux/s390x"),
    ] {
        let Some(busybox) = busybox(debian) else { continue };
        let layer = || Layer::new().file("bin/busybox", 0o755, &busybox).link("bin/sh", "busybox");
        let (_, exam) = judged(&image(platform, &["sh", "-c", "busybox"], vec![layer()]));
        let judged_platform = &exam["platforms"][0];
        assert_eq!(judged_platform["outcome"]["kind"], "starts", "{platform}: {exam}");
        assert!(judged_platform["foreign"].as_array().unwrap().is_empty());
        assert!(!ids(judged_platform).contains(&"image-lies-about-arch"));
        let (code, exam) = judged(&image("linux/loong64", &["sh"], vec![layer()]));
        assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["image-lies-about-arch"]));
    }
}

#[test]
fn a_32_bit_program_on_its_64_bit_kin_is_no_lie() {
    let (_, exam) = judged(&image("linux/amd64", &["/app"], vec![Layer::new().file("app", 0o755, program("386"))]));
    assert_eq!(exam["platforms"][0]["outcome"]["kind"], "starts", "{exam}");
    assert!(!ids(&exam["platforms"][0]).contains(&"image-lies-about-arch"));
    let (code, exam) = judged(&image("linux/386", &["/app"], vec![Layer::new().file("app", 0o755, program("amd64"))]));
    assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["image-lies-about-arch"]));
}

#[test]
fn whiteouts_opaque_directories_and_hard_links() {
    let below = Layer::new()
        .file("app", 0o755, program(OTHER))
        .file("data/old", 0o755, program(OTHER))
        .file("gone/x", 0o755, program(OTHER))
        .directory("usr/bin")
        .link("bin", "usr/bin");
    let above = Layer::new()
        .file("data/new", 0o755, program(OWN))
        .file("data/.wh..wh..opq", 0o644, "")
        .file(".wh.gone", 0o644, "")
        // Added before the mark that takes its namesake below away.
        .file("bin/first", 0o755, program(OWN))
        .hard("second", "usr/bin/first")
        .link("third", "/../second")
        .file(".wh.app", 0o644, "");
    let (code, exam) = judged(&image(&own(), &["/third"], vec![below, above]));
    let platform = &exam["platforms"][0];
    assert_eq!((code, ids(platform).len()), (0, 0), "{exam}");
    assert_eq!(
        platform["holds"],
        json!([{"arch": OWN, "count": 3, "paths": ["/data/new", "/second", "/usr/bin/first"]}])
    );
}
