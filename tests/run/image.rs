//! Images and tars as root directory.

use std::fs;

use crate::registry::Registry;
use crate::user::{UID, User, user};

/// A file system of busybox for arm64, as layer.tar and layers of an image in OCI's layout that take some of it away again.
fn with_image() -> Option<User> {
    let user = user()?;
    user.run(
        r#"set -e
        mkdir -p base/bin base/etc base/data/deep upper/data upper/etc
        cp $BIN/busybox-arm64 base/bin/busybox
        for name in sh ls cat id uname env pwd touch rm; do ln -s busybox base/bin/$name; done
        ln base/bin/busybox base/bin/busybox-second
        echo app:x:1234:2345::/home/app:/bin/sh >base/etc/passwd
        echo lower >base/etc/gone; echo lower >base/etc/stays
        # Each test has a digest of its own: a root in use keeps those of the same name in all stores.
        echo $HOME >base/data/deep/gone
        # The upper layer: a file taken away, a directory emptied that has something new, a file replaced.
        : >upper/etc/.wh.gone; : >upper/data/.wh..wh..opq; echo upper >upper/data/+new; echo upper >upper/etc/stays
        tar -C base --sort=name -cf base.tar .; tar -C upper --sort=name -czf upper.tar.gz .
        mkdir -p layout/blobs/sha256
        blob() { local sum; sum=$(sha256sum <"$1" | cut -d' ' -f1); cp "$1" layout/blobs/sha256/$sum; echo "{\"mediaType\":\"$2\",\"digest\":\"sha256:$sum\",\"size\":$(stat -c %s "$1")${3-}}"; }
        diff() { echo "\"sha256:$(sha256sum | cut -d' ' -f1)\""; }
        cat >config <<JSON
        {"os":"linux","architecture":"arm64","config":{"Entrypoint":["/bin/sh","-c"],"Cmd":["id -u; id -g; pwd; echo \$HOME \$GREETING"],
         "Env":["GREETING=hello","PATH=/bin"],"WorkingDir":"/etc","User":"app"},
         "rootfs":{"type":"layers","diff_ids":[$(diff <base.tar),$(gzip -dc upper.tar.gz | diff)]}}
JSON
        layer=application/vnd.oci.image.layer.v1.tar
        echo "{\"schemaVersion\":2,\"config\":$(blob config application/vnd.oci.image.config.v1+json),\"layers\":[$(blob base.tar $layer),$(blob upper.tar.gz $layer+gzip)]}" >manifest
        echo "{\"schemaVersion\":2,\"manifests\":[$(blob manifest application/vnd.oci.image.manifest.v1+json ',"platform":{"os":"linux","architecture":"arm64"}')]}" >layout/index.json
        echo '{"imageLayoutVersion":"1.0.0"}' >layout/oci-layout"#,
    );
    Some(user)
}

#[test]
fn an_image_starts_what_it_says_as_its_user_in_its_directory() {
    let Some(user) = with_image() else { return };
    assert_eq!(user.run("GREETING=mine run --root oci:layout"), "1234\n2345\n/etc\n/home/app hello\n");
    // A program of one's own, which is root there or the image's user, and the caller outside.
    assert_eq!(user.run("run --root oci:layout --workdir / uname -m"), "aarch64\n");
    assert_eq!(user.run("run --root oci:layout --as-root id -u"), "0\n");
    assert_eq!(user.run("run --root oci:layout --env GREETING=other sh -c 'echo $GREETING $FROM'"), "other\n");
    user.run(
        "mkdir mine; run --root oci:layout --bind mine:/mine touch /mine/file; [ $(stat -c %u mine/file) = $(id -u) ]",
    );
    let (status, _, err) = user.ends("run --root oci:layout --arch s390x id");
    assert!(status == 125 && err.contains("linux/arm64"), "{err}");
}

#[test]
fn layers_lie_over_each_other_and_are_not_changed() {
    let Some(user) = with_image() else { return };
    let out = user.run("run --root oci:layout --workdir / sh -c 'ls /data /etc; cat /etc/stays'");
    assert_eq!(out, "/data:\n+new\n\n/etc:\npasswd\nresolv.conf\nstays\nupper\n");
    assert_eq!(user.run("run --root oci:layout busybox-second uname -s"), "Linux\n");
    // What is written is seen, and gone the next time.
    let script = "run --root oci:layout --as-root --workdir / sh -c 'echo changed >/etc/stays; rm /data/+new; touch /new; cat /etc/stays; ls /'";
    let out = user.run(script);
    assert!(out.starts_with("changed\n") && out.contains("\nnew\n"), "{out}");
    let out = user.run("run --root oci:layout --workdir / sh -c 'cat /etc/stays; ls /data; ls /'");
    assert!(out.starts_with("upper\n+new\n") && !out.contains("\nnew\n"), "{out}");
    // Nobody else comes to the files.
    assert_eq!(user.run("stat -c %a $HOME/.local/share/rbinfmt/roots"), "700\n");
}

#[test]
fn what_docker_save_writes_is_a_root_too() {
    let Some(user) = with_image() else { return };
    let save = r#"set -e
        gzip -dc upper.tar.gz >upper.tar
        echo '[{"Config":"config","RepoTags":["saved:1"],"Layers":["base.tar","upper.tar"]}]' >manifest.json
        tar -cf saved.tar manifest.json config base.tar upper.tar"#;
    user.run(save);
    let lists = "--workdir / sh -c 'ls /data; cat /etc/stays'";
    assert_eq!(user.run(&format!("run --root docker-archive:saved.tar:saved:1 {lists}")), "+new\nupper\n");
    assert_eq!(user.run("run --root docker-archive:saved.tar"), "1234\n2345\n/etc\n/home/app hello\n");
}

#[test]
fn an_image_of_a_registry_is_fetched_once_by_tag_and_by_digest() {
    let Some(user) = with_image() else { return };
    let Some(registry) = Registry::start("") else { return };
    for blob in fs::read_dir(user.home().join("layout/blobs/sha256")).unwrap() {
        registry.blob(&fs::read(blob.unwrap().path()).unwrap());
    }
    let manifest = fs::read(user.home().join("manifest")).unwrap();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let done = registry.send("PUT", "/v2/emu/manifests/v1", kind, &manifest);
    assert!(done.starts_with("HTTP/1.1 201"), "{done}");
    let image = format!("docker://{}/emu", registry.host);
    assert_eq!(user.run(&format!("run --root {image}:v1")), "1234\n2345\n/etc\n/home/app hello\n");
    let digest = rbinfmt::verify::Digest::of(&manifest);
    assert_eq!(user.run(&format!("run --root {image}@sha256:{digest} uname -m")), "aarch64\n");
    let trees = "ls $HOME/.local/share/rbinfmt/roots | wc -l";
    assert_eq!(user.run(trees), "1\n");
    let (status, _, err) = user.ends(&format!("run --root {image}:none id"));
    assert!(status == 125 && err.contains("no such image or tag"), "{err}");
}

#[test]
fn the_tar_of_a_file_system_is_a_root_too() {
    let Some(user) = with_image() else { return };
    assert_eq!(
        user.run("PATH=/bin:$PATH; run --root base.tar sh -c 'id -u; cat /etc/stays'"),
        format!("{UID}\nlower\n")
    );
    user.run("gzip -k base.tar; PATH=/bin:$PATH; run --root base.tar.gz --as-root id -u");
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_refused() {
    let Some(user) = with_image() else { return };
    let (status, _, err) = user.ends(
        "for blob in layout/blobs/sha256/*; do [ $(stat -c %s $blob) -lt 100000 ] || printf x | dd of=$blob bs=1 seek=3000 conv=notrunc status=none; done
         run --root oci:layout id",
    );
    assert!(status == 125 && err.contains("SHA-256"), "{err}");
    assert_eq!(user.run("find $HOME/.local/share/rbinfmt/roots -mindepth 1"), "");
}

#[test]
fn extracted_roots_are_removed_but_not_under_a_program() {
    let Some(user) = with_image() else { return };
    let count = "ls $HOME/.local/share/rbinfmt/roots | wc -l";
    user.run("run --root oci:layout --workdir / true; run --root base.tar --as-root --keep work /bin/sh -c true");
    assert_eq!(user.run(count), "2\n");
    let said = user.run("rbinfmt emulators gc");
    assert!(said.contains("1 extracted by `run --root`"), "{said}");
    assert_eq!(
        user.run(&format!("run --join work /bin/cat /etc/stays; rbinfmt ps --end work; {count}")),
        "lower\nended work\n1\n"
    );
    user.run(&format!("rbinfmt emulators gc; [ $({count}) = 0 ]"));
}

#[test]
fn a_hostile_layer_writes_nothing_outside() {
    let Some(user) = user() else { return };
    user.write("outside/file", "theirs");
    // Links out of the tree, and members that would go through them.
    let out = user.run(
        "set -e; mkdir -p a/bin b/away b/bin; cp $BIN/busybox-arm64 a/bin/busybox; ln -s $HOME/outside a/away; ln -s $HOME/outside/file a/link
         echo written >b/away/new; echo written >b/link; mknod b/pipe p
         tar -C a -cf hostile.tar .; tar -C b -rf hostile.tar ./away/new ./link ./pipe
         run --root hostile.tar /bin/busybox find /away /link 2>&1 || true; find outside -type f; cat outside/file",
    );
    assert!(out.ends_with("outside/file\ntheirs"), "{out}");
}
