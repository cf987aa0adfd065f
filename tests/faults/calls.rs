//! What may go wrong at a system call.

use nix::errno::Errno;
use nix::libc::{self, c_long};

use crate::other::Deed;

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It fails.
    Fails(Errno),
    /// The run ends there.
    Killed,
    /// Another tool changes the table just before it.
    Other(Deed),
}

/// What each call may fail with, and its name. What is not listed is not stopped: calls about the process alone (its memory, whose
/// end is the program's; signals, limits, its threads' locks) and close(2), which has nothing to say after fsync(2). ENOENT is
/// missing: a kernel that denies a file which is there is none that anybody has.
pub(crate) const CALLS: &[(c_long, &str, &[Errno])] = {
    use Errno::*;
    &[
        (libc::SYS_openat, "openat", &[ENOMEM, EMFILE, EIO, EACCES, EPERM, EINTR, ENOSPC]),
        (libc::SYS_read, "read", &[EIO, ENOMEM, EINTR, EAGAIN]),
        (libc::SYS_pread64, "pread64", &[EIO, ENOMEM, EINTR]),
        (libc::SYS_write, "write", &[EIO, ENOSPC, ENOMEM, EINTR, EBUSY, EPERM, EAGAIN]),
        (libc::SYS_rename, "rename", &[EIO, ENOSPC, EACCES, EBUSY, EXDEV]),
        (libc::SYS_renameat, "renameat", &[EIO, ENOSPC, EACCES, EBUSY]),
        (libc::SYS_renameat2, "renameat2", &[EIO, ENOSPC, EACCES, EBUSY]),
        (libc::SYS_unlink, "unlink", &[EIO, EACCES, EBUSY]),
        (libc::SYS_unlinkat, "unlinkat", &[EIO, EACCES, EBUSY]),
        (libc::SYS_rmdir, "rmdir", &[EIO, EACCES, EBUSY]),
        (libc::SYS_mkdir, "mkdir", &[EIO, ENOSPC, EACCES, EROFS]),
        (libc::SYS_mkdirat, "mkdirat", &[EIO, ENOSPC, EACCES, EROFS]),
        (libc::SYS_symlink, "symlink", &[EIO, ENOSPC, EACCES]),
        (libc::SYS_symlinkat, "symlinkat", &[EIO, ENOSPC, EACCES]),
        (libc::SYS_linkat, "linkat", &[EIO, ENOSPC, EPERM]),
        (libc::SYS_fsync, "fsync", &[EIO, ENOSPC]),
        (libc::SYS_fdatasync, "fdatasync", &[EIO, ENOSPC]),
        (libc::SYS_ftruncate, "ftruncate", &[EIO, ENOSPC]),
        (libc::SYS_fchmod, "fchmod", &[EIO, EPERM]),
        (libc::SYS_fchmodat, "fchmodat", &[EIO, EPERM]),
        (libc::SYS_chmod, "chmod", &[EIO, EPERM]),
        (libc::SYS_fchownat, "fchownat", &[EIO, EPERM]),
        (libc::SYS_mount, "mount", &[EPERM, EBUSY, ENOMEM]),
        (libc::SYS_umount2, "umount2", &[EPERM, EBUSY]),
        (libc::SYS_fsopen, "fsopen", &[EPERM, ENOMEM, EMFILE]),
        (libc::SYS_fsmount, "fsmount", &[EPERM, ENOMEM]),
        (libc::SYS_unshare, "unshare", &[EPERM, ENOSPC, ENOMEM]),
        (libc::SYS_setns, "setns", &[EPERM, ENOMEM]),
        (libc::SYS_fchdir, "fchdir", &[EACCES, EIO]),
        (libc::SYS_chroot, "chroot", &[EPERM, EIO]),
        (libc::SYS_clone, "clone", &[EAGAIN, ENOMEM]),
        (libc::SYS_clone3, "clone3", &[EAGAIN, ENOMEM]),
        (libc::SYS_vfork, "vfork", &[EAGAIN, ENOMEM]),
        (libc::SYS_execve, "execve", &[ENOMEM, EAGAIN, EMFILE, EIO, EACCES]),
        (libc::SYS_wait4, "wait4", &[EINTR]),
        (libc::SYS_waitid, "waitid", &[EINTR]),
        (libc::SYS_socket, "socket", &[EMFILE, ENOMEM, EACCES]),
        (libc::SYS_socketpair, "socketpair", &[EMFILE, ENOMEM]),
        (libc::SYS_sendto, "sendto", &[ECONNRESET, EPIPE, ENOMEM, EINTR]),
        (libc::SYS_recvfrom, "recvfrom", &[ECONNRESET, ETIMEDOUT, ENOMEM, EINTR]),
        (libc::SYS_setsockopt, "setsockopt", &[ENOMEM, ENOPROTOOPT]),
        (libc::SYS_connect, "connect", &[ECONNREFUSED, ENETUNREACH, ETIMEDOUT]),
        (libc::SYS_flock, "flock", &[EINTR, ENOLCK, EAGAIN]),
        (libc::SYS_lseek, "lseek", &[EIO]),
        (libc::SYS_dup2, "dup2", &[EINTR, EBUSY]),
        (libc::SYS_fcntl, "fcntl", &[EINTR, EPERM, EMFILE]),
        (libc::SYS_getdents64, "getdents64", &[EIO, ENOMEM]),
        (libc::SYS_statx, "statx", &[ENOMEM, EIO, EACCES]),
        (libc::SYS_newfstatat, "newfstatat", &[ENOMEM, EIO, EACCES]),
        (libc::SYS_fstat, "fstat", &[ENOMEM, EIO]),
        (libc::SYS_statfs, "statfs", &[ENOMEM, EIO, EACCES]),
        (libc::SYS_fstatfs, "fstatfs", &[ENOMEM, EIO]),
        (libc::SYS_getxattr, "getxattr", &[ENOMEM, EIO, EACCES]),
        (libc::SYS_faccessat, "faccessat", &[EIO, EACCES, ENOMEM]),
        (libc::SYS_access, "access", &[EIO, EACCES, ENOMEM]),
        (libc::SYS_readlink, "readlink", &[ENOMEM, EACCES]),
        (libc::SYS_readlinkat, "readlinkat", &[ENOMEM, EACCES]),
        (libc::SYS_openat2, "openat2", &[ENOMEM, EMFILE, EIO, EACCES, EAGAIN, EPERM]),
        (libc::SYS_memfd_create, "memfd_create", &[ENOMEM, EMFILE]),
        (libc::SYS_signalfd4, "signalfd4", &[EMFILE, ENOMEM]),
        (libc::SYS_pipe2, "pipe2", &[EMFILE, ENFILE]),
        (libc::SYS_poll, "poll", &[EINTR, ENOMEM]),
        (libc::SYS_copy_file_range, "copy_file_range", &[EIO, ENOSPC]),
        (libc::SYS_sendfile, "sendfile", &[EIO, ENOSPC]),
    ]
};

/// All that may happen at this call; other writers only where the run writes to the table.
pub(crate) fn kinds(number: c_long, table: bool) -> Vec<Kind> {
    let errnos = CALLS.iter().find(|call| call.0 == number).map_or(&[][..], |call| call.2);
    let others = Deed::ALL.into_iter().filter(|_| table).map(Kind::Other);
    errnos.iter().map(|&errno| Kind::Fails(errno)).chain([Kind::Killed]).chain(others).collect()
}

pub(crate) fn name(number: c_long) -> &'static str {
    CALLS.iter().find(|call| call.0 == number).map_or("?", |call| call.1)
}
