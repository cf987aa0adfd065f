//! Layers as streams: what was kept is enough, and no bytes make it panic.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use proptest::prelude::*;

use super::budget::Budget;
use super::layer::Layer;
use crate::exec::Model;
use crate::exec::facts::{ExecFacts, TableFacts};
use crate::exec::root::Root;
use crate::exec::tree::Tree;
use crate::inspect::inspect;

fn tree_of(tar: &[u8]) -> crate::error::Result<Arc<Tree>> {
    let (layer, _) = Layer::stream("a layer", tar, None, &mut Budget::default())?;
    let mut tree = Tree::default();
    layer.apply(&mut tree)?;
    let tree = Arc::new(tree);
    let root = Root::tree(tree.clone(), b"/");
    for file in tree.files(|_| true).filter_map(|(path, ..)| root.open(&path).ok()) {
        for at in [0, 50, 1 << 20, u64::MAX] {
            let _ = file.read(&mut [0; 300], at);
        }
    }
    Ok(tree)
}

#[test]
fn what_was_kept_is_judged_like_the_files_themselves() {
    // This machine's own programs, dynamic ones and scripts, with all that their links lead to.
    const MOST: usize = 120;
    let directory = tempfile::tempdir().unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    let listing = fs::read_dir("/usr/bin").unwrap().flatten().map(|item| item.path());
    let mut paths: Vec<_> = listing.filter(|p| p.metadata().is_ok_and(|m| m.is_file() && m.len() < 2 << 20)).collect();
    paths.sort();
    paths.truncate(MOST);
    paths.extend(
        ["/bin/sh", "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/usr/bin/env"].map(Into::into),
    );
    paths.retain(|path| path.exists());
    for path in &paths {
        let name = path.strip_prefix("/").unwrap();
        let (bytes, to) = (fs::read(path).unwrap(), directory.path().join(name));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&to, &bytes).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    let tree = tree_of(&builder.into_inner().unwrap()).unwrap();
    let (kept, disk) = (Root::tree(tree, b"/"), Root::below(directory.path()).unwrap());
    let mut facts = ExecFacts::gather("/nonexistent".as_ref());
    facts.table = TableFacts::absent();
    facts.noexec.clear();
    for path in &paths {
        let path = path.as_os_str().as_encoded_bytes();
        let (ours, theirs) = (Model::new(&facts, &kept, &disk), Model::new(&facts, &disk, &disk));
        assert_eq!(ours.judge(path, &[]), theirs.judge(path, &[]), "{}", String::from_utf8_lossy(path));
        let both = [&kept, &disk].map(|root| inspect(root, path).ok().flatten().map(|i| (i.target, i.notes)));
        assert_eq!(both[0], both[1]);
    }
}

fn sample() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind: tar::EntryType, body: &[u8], link: &str| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(body.len() as u64);
        if link.is_empty() {
            builder.append_data(&mut header, name, body).unwrap();
        } else {
            builder.append_link(&mut header, name, link).unwrap();
        }
    };
    let mut program = vec![0; 2000];
    std::io::Read::read_exact(&mut fs::File::open("/bin/sh").unwrap(), &mut program).unwrap();
    add("bin/", tar::EntryType::Directory, b"", "");
    add("bin/app", tar::EntryType::Regular, &program, "");
    add("bin/again", tar::EntryType::Link, b"", "bin/app");
    add("sbin", tar::EntryType::Symlink, b"", "bin");
    add("etc/passwd", tar::EntryType::Regular, b"root:x:0:0::/:\n", "");
    add("x", tar::EntryType::XHeader, b"38 SCHILY.xattr.security.capability=x\n", "");
    add("etc/.wh..wh..opq", tar::EntryType::Regular, b"", "");
    builder.into_inner().unwrap()
}

proptest! {
    #[test]
    fn no_bytes_make_a_layer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let _ = tree_of(&bytes);
    }

    #[test]
    fn no_change_makes_a_layer_panic(
        changes in proptest::collection::vec((0usize..9000, any::<u8>()), 1..6),
        len in 0usize..9000,
        fix_sums: bool,
    ) {
        let mut bytes = sample();
        let end = bytes.len();
        for (at, byte) in changes {
            bytes[at % end] = byte;
        }
        if fix_sums {
            for block in bytes.chunks_mut(512).filter(|b| b.len() == 512 && b[257..262] == *b"ustar") {
                block[148..156].fill(b' ');
                let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        bytes.truncate(end - len % end);
        let _ = tree_of(&bytes);
    }
}
