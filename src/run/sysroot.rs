//! Libraries for a dynamic program of another architecture: the machine's own, or Debian's packages of that architecture,
//! fetched and verified as emulators are. QEMU's emulators look below QEMU_LD_PREFIX first.

use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::Request;
use crate::architecture::{Abi, Architecture};
use crate::emulators::FetchEnv;
use crate::emulators::debian::libraries::{Libraries, Wish};
use crate::error::{Error, Result};
use crate::exec::root::Root;
use crate::exec::{Handler, Verdict};
use crate::inspect::{Inspection, inspect, libraries};
use crate::registrar::Registrar;

/// The variable that names it to QEMU's emulators (-L).
pub(super) const VARIABLE: &str = "QEMU_LD_PREFIX";

/// Debian's packages of the two C libraries.
const GLIBC: &str = "libc6";
const MUSL: &str = "musl";

/// No program has more libraries.
const MOST: usize = 512;

/// Where a program's libraries come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Sysroot {
    /// The machine's own, or else Debian's.
    #[default]
    Auto,
    /// The machine's own.
    Own,
    /// Below this directory.
    Directory(PathBuf),
}

impl Sysroot {
    /// `auto`, `none` or a directory.
    pub fn parse(text: &str) -> Sysroot {
        match text {
            "auto" => Sysroot::Auto,
            "none" => Sysroot::Own,
            directory => Sysroot::Directory(directory.into()),
        }
    }
}

/// What a program is given.
#[derive(Debug, Default)]
pub(super) struct Provided {
    /// QEMU_LD_PREFIX
    pub(super) prefix: Option<PathBuf>,
    /// Libraries that were found nowhere.
    pub(super) missing: Vec<String>,
}

/// What a program asks for and this machine does not have.
struct Need {
    abi: &'static Abi,
    loader: Option<String>,
    is_musl: bool,
    libraries: Vec<String>,
}

/// Finds the libraries of the program that an emulator will run; fetches what is missing.
pub(super) fn provide(registrar: &Registrar, request: &Request, root: &Root, verdict: &Verdict) -> Result<Provided> {
    if request.root.is_some() {
        return Ok(Provided::default());
    }
    match &request.sysroot {
        Sysroot::Own => return Ok(Provided::default()),
        Sysroot::Directory(directory) => {
            let absolute = directory.canonicalize();
            let absolute = absolute.map_err(|e| Error::io(format!("using the sysroot {}", directory.display()), e))?;
            return Ok(Provided { prefix: Some(absolute), missing: Vec::new() });
        }
        Sysroot::Auto => {}
    }
    let Some(store) = &registrar.store else { return Ok(Provided::default()) };
    let tree = Libraries::of(store.root());
    let packages = |libc: &str| {
        let names = [libc].into_iter().chain(request.packages.iter().map(String::as_str));
        names.map(|name| Wish::Package(name.to_owned())).collect::<Vec<_>>()
    };
    let mut missing = Vec::new();
    match Need::of(root, verdict) {
        Some(need) => {
            if !need.is_met_by(tree.root()) || !request.packages.is_empty() {
                let lacking = need.libraries.iter().filter(|name| !need.has(tree.root(), name));
                let library = |name: &String| Wish::Library { name: name.clone(), triplet: need.abi.triplet };
                let mut wishes = packages(if need.is_musl { MUSL } else { GLIBC });
                wishes.extend(lacking.map(library));
                fetch(registrar, request, &tree, (need.abi, &wishes))?;
            }
            missing.extend(need.libraries.iter().filter(|name| !need.has(tree.root(), name)).cloned());
        }
        // For what it starts.
        None if !request.packages.is_empty() => {
            for profile in registrar.select(&request.archs)?.profiles {
                let abi = Architecture::named(&profile.name).and_then(|arch| arch.row().abis.first());
                if let Some(abi) = abi {
                    fetch(registrar, request, &tree, (abi, &packages(GLIBC)))?;
                }
            }
        }
        None => {}
    }
    // What was fetched for one program serves those that another one starts.
    Ok(Provided { prefix: fetched(registrar), missing })
}

/// The tree, where anything was fetched for it.
pub(super) fn fetched(registrar: &Registrar) -> Option<PathBuf> {
    let tree = Libraries::of(registrar.store.as_ref()?.root());
    tree.root().exists().then(|| tree.root().to_owned())
}

/// What one ABI's programs need.
type Wishes<'a> = (&'static Abi, &'a [Wish]);

fn fetch(registrar: &Registrar, request: &Request, tree: &Libraries, (abi, wishes): Wishes) -> Result<()> {
    let doing = "looking for libraries";
    let Some(port) = abi.debian else {
        return Err(Error::failed(doing, format!("Debian has no port for {}", abi.gnu))
            .help("name a directory that has them: --sysroot DIR, or --sysroot none"));
    };
    let env = FetchEnv::of_process(registrar.store()?, PathBuf::from("/"), &request.fetch)?;
    let missing = env.fetcher(&request.fetch, &*registrar.progress).libraries(port, tree, wishes);
    registrar.progress.done();
    let package = |wish: &Wish| match wish {
        Wish::Package(name) => Some(name.clone()),
        // The program may do without it, and a warning names it.
        Wish::Library { .. } => None,
    };
    match missing?.into_iter().find_map(package) {
        Some(name) => Err(Error::failed(doing, format!("Debian has no package {name} for {port}"))
            .help("--sysroot none runs the program without them")),
        None => Ok(()),
    }
}

impl Need {
    /// What the program at the end of the chain needs; `None` where it is static, or has all that it needs.
    fn of(root: &Root, verdict: &Verdict) -> Option<Need> {
        let step = verdict.steps.iter().rfind(|step| step.handler == Some(Handler::Entry))?;
        let program = inspect(root, &step.path).ok().flatten()?;
        let loader = program.loader.as_ref()?.to_str().ok()?.to_owned();
        let abis = Architecture::of_target(program.target)?.row().abis;
        let has = |abi: &&Abi| abi.glibc.iter().chain(abi.musl).any(|path| *path == loader);
        let abi = abis.iter().find(has).or(abis.iter().find(|abi| abi.class == program.target.class))?;
        let is_musl = abi.musl.contains(&loader.as_str());
        let libraries = not_found(root, &step.path, program);
        let loader = (!Path::new(&loader).exists()).then_some(loader);
        (loader.is_some() || !libraries.is_empty()).then_some(Need { abi, loader, is_musl, libraries })
    }

    fn is_met_by(&self, tree: &Path) -> bool {
        let has_loader = |loader: &String| tree.join(loader.trim_start_matches('/')).exists();
        self.loader.as_ref().is_none_or(has_loader) && self.libraries.iter().all(|name| self.has(tree, name))
    }

    /// Whether a library is where the loader looks for it. musl's is its own C library, whatever name that is asked by.
    fn has(&self, tree: &Path, library: &str) -> bool {
        let places = [format!("usr/lib/{}", self.abi.triplet), "usr/lib".into(), "usr/lib64".into()];
        let own = self.is_musl && library.starts_with("libc.");
        own || places.iter().any(|place| tree.join(place).join(library).exists())
    }
}

/// The libraries that a program and those that it finds here need, and that are not here.
fn not_found(root: &Root, path: &[u8], program: Inspection) -> Vec<String> {
    let mut files: Vec<(BString, Inspection)> = vec![(path.into(), program)];
    let (mut names, mut lacking): (Vec<BString>, _) = (Vec::new(), Vec::new());
    while let Some((path, file)) = files.pop() {
        for library in libraries(root, &path, &file) {
            if names.len() >= MOST || names.contains(library.name) {
                continue;
            }
            names.push(library.name.clone());
            match library.found {
                Some(found) => files.push(found),
                None => lacking.extend(library.name.to_str().ok().map(str::to_owned)),
            }
        }
    }
    lacking
}
