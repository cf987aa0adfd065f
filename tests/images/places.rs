//! The same image from everywhere: archives old and new, plain and packed, layouts, a registry.

use serde_json::json;

use crate::common::pipe;
use crate::common::registry::Registry;
use crate::common::server::Server;
use crate::make::{Image, Layer, OTHER, OWN, gzip, image, layout, program, tar_of, write_layout};
use crate::{World, ids, plain, runs};

fn own() -> String {
    format!("linux/{OWN}")
}

fn sound() -> Image {
    let below = Layer::new().file("bin/sh", 0o755, program(OWN)).file("run", 0o755, "#!/gone\n");
    let above = Layer::new().file("run", 0o755, "#!/bin/sh\n");
    image(&own(), &["/run"], vec![below, above])
}

/// One of this machine, one of another that lies, and what a builder attests.
fn several() -> Vec<Image> {
    let other = |program| image("linux/s390x", &["/app"], vec![Layer::new().file("app", 0o755, program)]);
    vec![sound(), other(program(OTHER))]
}

fn is_sound(world: &World, args: &[&str]) {
    let (code, exam) = world.judged_with(args);
    assert_eq!((code, runs(&exam)), (0, vec![(own().as_str(), "native")]), "{args:?}: {exam}");
    let chain = exam["platforms"][0]["chain"].as_array().unwrap();
    let paths: Vec<&str> = chain.iter().map(|step| step["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/run", "/bin/sh"]);
}

#[test]
fn docker_archives_plain_and_packed() {
    let (world, saved) = (World::new(), sound().docker_archive("registry.example/team/app:1"));
    for (name, bytes) in
        [("a.tar", saved.clone()), ("a.tar.gz", gzip(&saved)), ("a.tar.zst", pipe("zstd", &["-c", "-q"], &saved))]
    {
        world.write(name, &bytes);
        is_sound(&world, &[&format!("docker-archive:{name}")]);
        is_sound(&world, &["--verify", &format!("docker-archive:{name}")]);
        is_sound(&world, &[&format!("docker-archive:{name}:team/app:1")]);
        let (code, _, errors) = world.doctor(&[&format!("docker-archive:{name}:other:1")]);
        assert!(code == 2 && errors.contains("name one: registry.example/team/app:1"), "{errors}");
    }
}

#[test]
fn layouts_and_their_archives() {
    for packed in [None, Some("gzip"), Some("zstd")] {
        let mut image = sound();
        image.packed = packed;
        let (world, files) = (World::new(), layout("v1", &[&image]));
        write_layout(&world.path("layout"), &files);
        world.write("oci.tar", &tar_of(&files));
        world.write("oci.tar.gz", &gzip(&tar_of(&files)));
        for target in ["oci:layout", "oci:layout:v1", "oci-archive:oci.tar", "oci-archive:oci.tar.gz:v1"] {
            is_sound(&world, &[target]);
            is_sound(&world, &["--verify", target]);
        }
        let (code, _, errors) = world.doctor(&["oci:layout:v2"]);
        assert!(code == 2 && errors.contains("name one: v1"), "{errors}");
    }
}

#[test]
fn every_platform_of_an_index_or_one() {
    let (world, images) = (World::new(), several());
    write_layout(&world.path("layout"), &layout("v1", &images.iter().collect::<Vec<_>>()));
    // What does not run here is no fault where something else does.
    let (code, exam) = world.judged("oci:layout");
    assert_eq!((code, runs(&exam)), (0, vec![(own().as_str(), "native"), ("linux/s390x", "no")]), "{exam}");
    let (code, exam) = world.judged_with(&["--platform", "s390x", "oci:layout"]);
    assert_eq!((code, runs(&exam)), (1, vec![("linux/s390x", "no")]));
    assert_eq!(ids(&exam["platforms"][0]), ["foreign-arch-no-handler"]);
    let (code, exam) = world.judged_with(&["--platform", "linux/arm/v7", "oci:layout"]);
    assert_eq!((code, exam["findings"][0]["id"].as_str()), (1, Some("no-matching-manifest")));
    assert_eq!(world.doctor(&["--platform", "a/b/c/d", "oci:layout"]).0, 2);
    let emulated = World::emulates("F");
    write_layout(&emulated.path("layout"), &layout("v1", &images.iter().collect::<Vec<_>>()));
    let (code, text, _) = emulated.doctor(&["oci:layout"]);
    assert_eq!(code, 0);
    if OWN == "amd64" {
        insta::assert_snapshot!(plain(&text, emulated.dir.path()));
    }
}

#[test]
fn a_platform_is_found_by_each_of_its_spellings() {
    let of =
        |platform: &str, arch: &str| image(platform, &["/app"], vec![Layer::new().file("app", 0o755, program(arch))]);
    let images =
        [of("linux/arm/v6", "arm"), of("linux/arm64/v8", "arm64"), of("linux/amd64", "amd64"), of("linux/arm", "arm")];
    let world = World::new();
    write_layout(&world.path("layout"), &layout("v1", &images.iter().collect::<Vec<_>>()));
    for (wanted, found) in [
        ("linux/arm64", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"),
        ("arm64/8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64"),
        ("x86_64", "linux/amd64"),
        ("LINUX/AMD64", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64"),
        ("armhf", "linux/arm/v7"),
        ("linux/arm", "linux/arm/v7"),
        ("arm/8", "linux/arm/v7"),
        ("armel", "linux/arm/v6"),
    ] {
        let (_, exam) = world.judged_with(&["--platform", wanted, "oci:layout"]);
        let platforms: Vec<&str> = runs(&exam).into_iter().map(|(platform, _)| platform).collect();
        assert_eq!(platforms, [found], "{wanted}: {exam}");
    }
    assert_eq!(
        world.judged_with(&["--platform", "linux/arm/v5", "oci:layout"]).1["findings"][0]["id"],
        "no-matching-manifest"
    );
}

#[test]
fn an_index_without_this_machine() {
    let others = || {
        let one = |platform: &str, arch: &str| {
            image(platform, &["/app"], vec![Layer::new().file("app", 0o755, program(arch))])
        };
        [one("linux/s390x", OTHER), one("linux/riscv64", "riscv64")]
    };
    let judge = |world: World| {
        let images = others();
        write_layout(&world.path("layout"), &layout("v1", &images.iter().collect::<Vec<_>>()));
        let (code, exam) = world.judged("oci:layout");
        // No engine and no registry knows a directory by its name.
        assert!(!exam["findings"][0]["fixes"].to_string().contains("oci:layout"), "{exam}");
        (code, exam["findings"][0]["id"].clone(), exam["findings"][0]["severity"].clone())
    };
    assert_eq!(judge(World::new()), (1, json!("no-matching-manifest"), json!("problem")));
    assert_eq!(judge(World::emulates("F")), (0, json!("no-matching-manifest"), json!("warning")));
}

#[test]
fn an_index_that_lists_what_the_configuration_denies() {
    let world = World::new();
    let mut files = layout("v1", &[&sound()]);
    for (name, bytes) in &mut files {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("\"platform\"") {
            let text = text.replace(&format!("\"architecture\":\"{OWN}\""), "\"architecture\":\"s390x\"");
            *bytes = text.into_bytes();
            *name = format!("blobs/sha256/{}", rbinfmt::verify::Digest::of(bytes));
        }
    }
    let (index, bytes) =
        files.iter().find(|(_, b)| String::from_utf8_lossy(b).contains("\"platform\"")).unwrap().clone();
    let top = json!({"manifests": [{"digest": format!("sha256:{}", &index[13..]), "size": bytes.len(),
        "mediaType": "application/vnd.oci.image.index.v1+json"}]});
    files.retain(|(name, _)| name != "index.json");
    files.push(("index.json".into(), top.to_string().into_bytes()));
    write_layout(&world.path("layout"), &files);
    let (code, exam) = world.judged("oci:layout");
    assert_eq!((code, ids(&exam["platforms"][0])), (1, vec!["image-lies-about-arch"]), "{exam}");
    assert_eq!(exam["platforms"][0]["claims"], own());
}

/// Pushes an image with an index, and returns its name.
fn push(registry: &Registry, images: &[Image]) -> String {
    const M: &str = "application/vnd.oci.image.manifest.v1+json";
    const I: &str = "application/vnd.oci.image.index.v1+json";
    let mut listed = Vec::new();
    for image in images {
        let (blobs, descriptor, manifest) = image.parts();
        blobs.iter().for_each(|blob| drop(registry.blob(blob)));
        let path = format!("/v2/emu/manifests/{}", descriptor["digest"].as_str().unwrap());
        let done = registry.send("PUT", &path, M, &manifest);
        assert!(done.starts_with("HTTP/1.1 201"), "{done}");
        listed.push(descriptor);
    }
    let index = json!({"schemaVersion": 2, "mediaType": I, "manifests": listed}).to_string();
    let done = registry.send("PUT", "/v2/emu/manifests/v1", I, index.as_bytes());
    assert!(done.starts_with("HTTP/1.1 201"), "{done}");
    format!("{}/emu:v1", registry.host)
}

#[test]
fn a_registry_with_and_without_a_login() {
    let Some(registry) = Registry::start("") else { return };
    let name = push(&registry, &several().into_iter().map(|i| i.packed("gzip")).collect::<Vec<_>>());
    let world = World::new();
    let (code, exam) = world.judged(&format!("docker://{name}"));
    assert_eq!((code, runs(&exam)), (0, vec![(own().as_str(), "native"), ("linux/s390x", "no")]), "{exam}");
    is_sound(&world, &["--platform", &own(), &name]);
    let (code, _, errors) = world.doctor(&[&format!("docker://{}/emu:v2", registry.host)]);
    assert!(code == 3 && errors.contains("no such image or tag"), "{errors}");
    let (_, _, errors) = world.doctor(&[&format!("{}/emu:v2", registry.host)]);
    assert!(errors.contains("asking Docker"), "the engines are named too: {errors}");

    let auth = "auth: {htpasswd: {realm: test, path: @DIR@/htpasswd}}\n";
    let Some(registry) = Registry::start(auth) else { return };
    let name = push(&registry, &[sound()]);
    let (code, _, errors) = world.doctor(&[&format!("docker://{name}")]);
    assert!(code == 3 && errors.contains("docker login"), "{errors}");
    let logins = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"YWRtaW46c2VjcmV0\"}}}}}}", registry.host);
    world.write("config.json", logins.as_bytes());
    is_sound(&world, &[&format!("docker://{name}")]);
}

#[test]
fn a_registry_that_serves_other_bytes() {
    let image = sound().packed("gzip");
    let (blobs, listed, manifest) = image.parts();
    let server = Server::start();
    server.put("/v2/emu/manifests/v1", &manifest);
    let mut wrong = 0;
    for blob in &blobs {
        let digest = rbinfmt::verify::Digest::of(blob);
        let mut served = blob.clone();
        if blob.starts_with(&[0x1f, 0x8b]) {
            // Still a tar, and another one: the layer above without its change.
            served = gzip(&image.layers[0]);
            wrong += 1;
        }
        server.put(&format!("/v2/emu/blobs/sha256:{digest}"), &served);
        server.put(&format!("/v2/emu/manifests/sha256:{digest}"), &served);
    }
    assert!(wrong == 2 && listed["size"].is_u64());
    let host = server.host();
    let (code, text, errors) = World::new().doctor(&[&format!("docker://{host}/emu:v1")]);
    assert!(code == 3 && text.is_empty() && errors.contains("expected"), "{text}{errors}");
}
