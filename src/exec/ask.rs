//! AT_EXECVE_CHECK: the kernel's own word on whether a file may be executed, its content left aside (6.14 and later).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;

use nix::errno::Errno;

const AT_EXECVE_CHECK: libc::c_int = 0x10000;

/// Why the kernel would not execute the file; `None` where it would, or where it does not know the question.
pub(super) fn check(file: BorrowedFd) -> Option<Errno> {
    match execveat(file.as_raw_fd(), c"", libc::AT_EMPTY_PATH | AT_EXECVE_CHECK) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOSYS) => None,
        Err(errno) => Some(errno),
    }
}

/// Whether flags count. Valgrind drops them, and would execute the file in our place: here it would fail at a directory,
/// while a kernel refuses the flag, which it does not have.
pub(super) fn heeds_flags() -> bool {
    const NOBODYS: libc::c_int = 1 << 30;
    execveat(libc::AT_FDCWD, c"/", NOBODYS) == Err(Errno::EINVAL)
}

fn execveat(directory: RawFd, path: &CStr, flags: libc::c_int) -> Result<(), Errno> {
    let argv = [c"check".as_ptr(), ptr::null()];
    let env: [*const libc::c_char; 1] = [ptr::null()];
    #[expect(unsafe_code)]
    // There is no wrapper; every pointer outlives the call, and with these flags nothing is executed.
    let result =
        unsafe { libc::syscall(libc::SYS_execveat, directory, path.as_ptr(), argv.as_ptr(), env.as_ptr(), flags) };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_heeds_flags() {
        assert!(heeds_flags());
    }
}
