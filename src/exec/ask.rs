//! AT_EXECVE_CHECK: the kernel's own word on whether a file may be executed, its content left aside (6.14 and later).

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use nix::errno::Errno;

const AT_EXECVE_CHECK: libc::c_int = 0x10000;

/// Why the kernel would not execute the file; `None` where it would, or where it does not know the question.
#[must_use]
pub fn check(file: BorrowedFd) -> Option<Errno> {
    let flags = libc::AT_EMPTY_PATH | AT_EXECVE_CHECK;
    let argv = [c"check".as_ptr(), ptr::null()];
    let env: [*const libc::c_char; 1] = [ptr::null()];
    #[expect(unsafe_code)]
    // There is no wrapper; every pointer outlives the call, and with this flag nothing is executed.
    let result = unsafe {
        libc::syscall(libc::SYS_execveat, file.as_raw_fd(), c"".as_ptr(), argv.as_ptr(), env.as_ptr(), flags)
    };
    match result {
        0 => None,
        _ => match Errno::last() {
            Errno::EINVAL | Errno::ENOSYS => None,
            errno => Some(errno),
        },
    }
}
