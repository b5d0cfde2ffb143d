/**
 * Numbers and layouts of the Linux ABI on x86_64 and aarch64 (both 64-bit and
 * little-endian): constants, sizes and offsets in bytes. `abi_test.ts` holds
 * them against the C headers.
 *
 * @module
 */

/** `struct epoll_event`, which is packed on x86_64 alone; see epoll_event(3type). */
export const EPOLL_EVENT: Readonly<
  { size: number; events: number; data: number }
> = Deno.build.arch === "x86_64"
  ? { size: 12, events: 0, data: 4 }
  : { size: 16, events: 0, data: 8 };

/** `struct sockaddr_vm`, see vsock(7). */
export const SOCKADDR_VM = { size: 16, family: 0, port: 4, cid: 8 } as const;

/** `struct sockaddr_un`, see unix(7). */
export const SOCKADDR_UN = { size: 110, family: 0, path: 2 } as const;

/** `struct ucred`, see unix(7). */
export const UCRED = { size: 12, pid: 0, uid: 4, gid: 8 } as const;

/** `siginfo_t` as waitid(2) fills it in. */
export const SIGINFO = { size: 128, code: 8, pid: 16, status: 24 } as const;

/** `struct statx`, see statx(2). */
export const STATX = {
  size: 256,
  mode: 28,
  inode: 32,
  deviceMajor: 136,
  deviceMinor: 140,
} as const;

/** `struct timespec`, see timespec(3type). */
export const TIMESPEC = { size: 16, seconds: 0, nanoseconds: 8 } as const;

/** `struct rand_pool_info` without its buffer, see random(4). */
export const RAND_POOL_INFO = {
  entropyCount: 0,
  bufferSize: 4,
  buffer: 8,
} as const;

/** Opaque types that are only ever passed by address. */
export const SIZE_OF = {
  posixSpawnFileActions: 80,
  posixSpawnAttributes: 336,
  sigset: 128,
} as const;

/** Socket families and types, see socket(2). */
export const AF_UNIX = 1;
/** See vsock(7). */
export const AF_VSOCK = 40;
/** See socket(2). */
export const SOCK_STREAM = 1;
/** See socket(2). */
export const SOCK_DGRAM = 2;
/** See socket(2). */
export const SOCK_NONBLOCK = 0o4000;
/** See socket(2). */
export const SOCK_CLOEXEC = 0o2000000;
/** See socket(7). */
export const SOL_SOCKET = 1;
/** See socket(7). */
export const SO_ERROR = 4;
/** See unix(7). */
export const SO_PEERCRED = 17;
/** See send(2). */
export const MSG_DONTWAIT = 0x40;
/** See send(2). */
export const MSG_NOSIGNAL = 0x4000;
/** See vsock(7). */
export const VMADDR_CID_ANY = 0xffffffff;

/** Open flags, see open(2). */
export const O_RDONLY = 0;
/** See open(2). */
export const O_WRONLY = 1;
/** See open(2). */
export const O_NONBLOCK = 0o4000;
/** See open(2). */
export const O_CLOEXEC = 0o2000000;
/** See fcntl(2). */
export const F_SETFL = 4;
/** See fcntl(2). */
export const F_SETPIPE_SZ = 1031;
/** See statx(2). */
export const AT_FDCWD = -100;
/** See statx(2). */
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** See statx(2): the type and the inode are wanted. */
export const STATX_TYPE_AND_INODE = 0x101;
/** See inode(7). */
export const S_IFMT = 0o170000;
/** See inode(7). */
export const S_IFSOCK = 0o140000;
/** See access(2). */
export const F_OK = 0;
/** See access(2). */
export const X_OK = 1;
/** See realpath(3). */
export const PATH_MAX = 4096;

/** Events, see epoll_ctl(2). */
export const EPOLLIN = 0x1;
/** See epoll_ctl(2). */
export const EPOLLOUT = 0x4;
/** See epoll_ctl(2). */
export const EPOLLERR = 0x8;
/** See epoll_ctl(2). */
export const EPOLLHUP = 0x10;
/** See epoll_ctl(2). */
export const EPOLLRDHUP = 0x2000;
/** See epoll_ctl(2); as the signed number that JavaScript's `|` yields. */
export const EPOLLET = 1 << 31;
/** See epoll_ctl(2). */
export const EPOLL_CTL_ADD = 1;
/** See epoll_ctl(2). */
export const EPOLL_CTL_MOD = 3;

/** Flags, see posix_spawnattr_setflags(3). */
export const POSIX_SPAWN_SETPGROUP = 0x02;
/** See posix_spawnattr_setflags(3). */
export const POSIX_SPAWN_SETSIGDEF = 0x04;
/** See posix_spawnattr_setflags(3). */
export const POSIX_SPAWN_SETSIGMASK = 0x08;
/** See pidfd_open(2); the number is the same on every architecture. */
export const SYS_pidfd_open = 434;
/** See waitid(2). */
export const P_PID = 1;
/** See waitid(2). */
export const WNOHANG = 1;
/** See waitid(2). */
export const WEXITED = 4;
/** See waitid(2). */
export const WNOWAIT = 0x01000000;
/** See sigaction(2): the child exited by itself. */
export const CLD_EXITED = 1;

/** See random(4). */
export const RNDADDENTROPY = 0x40085203;
/** See random(4). */
export const RNDRESEEDCRNG = 0x5207;
/** See clock_gettime(2). */
export const CLOCK_BOOTTIME = 7;
/** Bytes in the kernel's pipe where /proc/sys/fs/pipe-max-size was left alone. */
export const PIPE_MAX_SIZE = 1 << 20;
