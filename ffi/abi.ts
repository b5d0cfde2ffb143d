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
  uid: 20,
  mode: 28,
  inode: 32,
  fileSize: 40,
  ownMajor: 128,
  ownMinor: 132,
  deviceMajor: 136,
  deviceMinor: 140,
} as const;

/** `struct open_how`, see openat2(2). */
export const OPEN_HOW = { size: 24, flags: 0, resolve: 16 } as const;

/** `struct timespec`, see timespec(3type). */
export const TIMESPEC = { size: 16, seconds: 0, nanoseconds: 8 } as const;

/** `struct rand_pool_info` without its buffer, see random(4). */
export const RAND_POOL_INFO = {
  entropyCount: 0,
  bufferSize: 4,
  buffer: 8,
} as const;

/** `struct pollfd`, see poll(2). */
export const POLLFD = { size: 8, fd: 0, events: 4, revents: 6 } as const;

/** `struct sigaction`, see sigaction(2). */
export const SIGACTION = { size: 152, handler: 0 } as const;

/** `struct winsize`, see TIOCSWINSZ(2const). */
export const WINSIZE = { size: 8, rows: 0, cols: 2 } as const;

/** `struct landlock_path_beneath_attr`, which is packed; see landlock_add_rule(2). */
export const LANDLOCK_PATH_BENEATH_ATTR = {
  size: 12,
  allowedAccess: 0,
  parentFd: 8,
} as const;

/** `Elf64_Ehdr`, see elf(5). */
export const ELF_HEADER = {
  size: 64,
  class: 4,
  encoding: 5,
  machine: 18,
  segmentOffset: 32,
  sectionOffset: 40,
  segmentCount: 56,
  sectionSize: 58,
  sectionCount: 60,
} as const;

/** `Elf64_Phdr`, see elf(5). */
export const ELF_SEGMENT = {
  size: 56,
  type: 0,
  offset: 8,
  fileSize: 32,
} as const;

/** `struct termios`, see termios(3). */
export const TERMIOS = {
  size: 60,
  inputFlags: 0,
  localFlags: 12,
  controlCharacters: 17,
} as const;

/** `struct passwd`, see getpwnam(3). */
export const PASSWD = {
  size: 48,
  name: 0,
  uid: 16,
  gid: 20,
  home: 32,
  shell: 40,
} as const;

/** `struct group`, see getgrnam(3). */
export const GROUP = { size: 32, gid: 16 } as const;

/** `struct dirent64` as getdents64(2) fills it in. */
export const DIRENT64 = { length: 16, type: 18, name: 19 } as const;

/** `struct inotify_event` without its name, see inotify(7). */
export const INOTIFY_EVENT = { size: 16, watch: 0, nameLength: 12 } as const;

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
/** See socket(7). */
export const SO_SNDBUF = 7;
/** See send(2). */
export const MSG_DONTWAIT = 0x40;
/** See send(2). */
export const MSG_NOSIGNAL = 0x4000;
/** See shutdown(2). */
export const SHUT_RDWR = 2;
/** See vsock(7). */
export const VMADDR_CID_ANY = 0xffffffff;

/** Open flags, see open(2). */
export const O_RDONLY = 0;
/** See open(2). */
export const O_WRONLY = 1;
/** See open(2). */
export const O_RDWR = 2;
/** See open(2): the file is made where there is none. */
export const O_CREAT = 0o100;
/** See open(2): the file must not be there. */
export const O_EXCL = 0o200;
/** See open(2): each write goes to the end. */
export const O_APPEND = 0o2000;
/** See open(2): a symbolic link isn't followed. */
export const O_NOFOLLOW = Deno.build.arch === "x86_64" ? 0o400000 : 0o100000;
/** See open(2): a terminal doesn't become the controlling one. */
export const O_NOCTTY = 0o400;
/** See open(2). */
export const O_NONBLOCK = 0o4000;
/** See open(2). */
export const O_CLOEXEC = 0o2000000;
/** See open(2): the file is only referred to. */
export const O_PATH = 0o10000000;
/** See openat2(2): a path that holds a symbolic link is refused. */
export const RESOLVE_NO_SYMLINKS = 0x04;
/** See open(2): anything but a directory is an error. */
export const O_DIRECTORY = Deno.build.arch === "x86_64" ? 0o200000 : 0o40000;
/** See fcntl(2): the part of the flags that says what may be done. */
export const O_ACCMODE = 3;
/** See fcntl(2). */
export const F_GETFD = 1;
/** See fcntl(2). */
export const F_SETFD = 2;
/** See fcntl(2): the descriptor is closed on exec. */
export const FD_CLOEXEC = 1;
/** See fcntl(2). */
export const F_GETFL = 3;
/** See fcntl(2). */
export const F_SETFL = 4;
/** See fcntl(2). */
export const F_SETPIPE_SZ = 1031;
/** See fcntl(2). */
export const F_GETPIPE_SZ = 1032;
/** See flock(2). */
export const LOCK_EX = 2;
/** See flock(2). */
export const LOCK_NB = 4;
/** See getdents(2): the entry is a folder. */
export const DT_DIR = 4;
/** See inotify(7). */
export const IN_MODIFY = 0x2;
/** See inotify_init1(2). */
export const IN_NONBLOCK = 0o4000;
/** See inotify_init1(2). */
export const IN_CLOEXEC = 0o2000000;
/** See statx(2). */
export const AT_FDCWD = -100;
/** See statx(2). */
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** See unlinkat(2): the entry is a directory. */
export const AT_REMOVEDIR = 0x200;
/** See statx(2): an empty path is the descriptor's own file. */
export const AT_EMPTY_PATH = 0x1000;
/** See statx(2): what stat(2) tells is wanted. */
export const STATX_BASIC_STATS = 0x7ff;
/** See inode(7). */
export const S_IFMT = 0o170000;
/** See inode(7). */
export const S_IFLNK = 0o120000;
/** See inode(7). */
export const S_IFSOCK = 0o140000;
/** See inode(7). */
export const S_IFDIR = 0o040000;
/** See inode(7). */
export const S_IFCHR = 0o020000;
/** See inode(7). */
export const S_IFIFO = 0o010000;
/** See inode(7). */
export const S_IFREG = 0o100000;
/** See inode(7): the group may write. */
export const S_IWGRP = 0o020;
/** See inode(7): others may write. */
export const S_IWOTH = 0o002;
/** See access(2). */
export const F_OK = 0;
/** See access(2). */
export const X_OK = 1;
/** See limits.h(0p): the longest path, in bytes with its NUL. */
export const PATH_MAX = 4096;
/** See limits.h(0p): the longest name of a file, in bytes without a NUL. */
export const NAME_MAX = 255;
/** See limits.h(0p): the longest name of a user, in bytes with its NUL. */
export const LOGIN_NAME_MAX = 256;
/** See elf(5): what the numbers of a program's file are, 64 bits wide. */
export const ELFCLASS64 = 2;
/** See elf(5): they are little-endian. */
export const ELFDATA2LSB = 1;
/** See elf(5): the segment names the program's loader. */
export const PT_INTERP = 3;

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

/** See poll(2). */
export const POLLIN = 0x1;
/** See poll(2). */
export const POLLOUT = 0x4;
/** See pipe(7): a pipe that has room has room for this many bytes. */
export const PIPE_BUF = 4096;

/** Flags, see posix_spawnattr_setflags(3). */
export const POSIX_SPAWN_SETPGROUP = 0x02;
/** See posix_spawnattr_setflags(3). */
export const POSIX_SPAWN_SETSIGDEF = 0x04;
/** See posix_spawnattr_setflags(3). */
export const POSIX_SPAWN_SETSIGMASK = 0x08;
/** See posix_spawnattr_setflags(3); it is done before the file actions. */
export const POSIX_SPAWN_SETSID = 0x80;
/** See posix_spawnattr_setflags(3) of glibc 2.39. */
export const POSIX_SPAWN_SETCGROUP = 0x100;
/** See pidfd_open(2); the number is the same on every architecture. */
export const SYS_pidfd_open = 434;
/** See openat2(2); the number is the same on every architecture. */
export const SYS_openat2 = 437;
/** See openat2(2): leads from one mounted file system to another are an error. */
export const RESOLVE_NO_XDEV = 0x01;
/** See openat2(2): what the kernel doesn't hold in memory is an error. */
export const RESOLVE_CACHED = 0x20;
/** See landlock_create_ruleset(2). */
export const SYS_landlock_create_ruleset = 444;
/** See landlock_add_rule(2). */
export const SYS_landlock_add_rule = 445;
/** See landlock_restrict_self(2). */
export const SYS_landlock_restrict_self = 446;
/** See landlock_create_ruleset(2). */
export const LANDLOCK_CREATE_RULESET_VERSION = 1;
/** See landlock_add_rule(2). */
export const LANDLOCK_RULE_PATH_BENEATH = 1;
/** See landlock(7). */
export const LANDLOCK_ACCESS_FS_EXECUTE = 1;
/** See landlock(7): link and rename files from one folder to another. */
export const LANDLOCK_ACCESS_FS_REFER = 1 << 13;
/** See PR_SET_NO_NEW_PRIVS(2const). */
export const PR_SET_NO_NEW_PRIVS = 38;
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

/** See sigprocmask(2): the set is what is blocked from then on. */
export const SIG_SETMASK = 2;

/** See TIOCGWINSZ(2const). */
export const TIOCGWINSZ = 0x5413;
/** See TIOCSWINSZ(2const). */
export const TIOCSWINSZ = 0x5414;
/** See TIOCGPGRP(2const). */
export const TIOCGPGRP = 0x540f;
/** See TIOCINQ(2const): how many bytes wait to be read. */
export const FIONREAD = 0x541b;
/** See tcsetattr(3). */
export const TCSANOW = 0;
/** An input flag, see termios(3): erasing takes a whole character of UTF-8. */
export const IUTF8 = 0o40000;
/** A local flag, see termios(3): input is read by lines. */
export const ICANON = 0o2;
/** The index of a control character, see termios(3). */
export const VEOF = 4;
/** See pathconf(3): no character has this function. */
export const _POSIX_VDISABLE = 0;

/** See random(4). */
export const RNDADDENTROPY = 0x40085203;
/** See random(4). */
export const RNDRESEEDCRNG = 0x5207;
/** See clock_gettime(2). */
export const CLOCK_BOOTTIME = 7;
/** Bytes in the kernel's pipe where /proc/sys/fs/pipe-max-size was left alone. */
export const PIPE_MAX_SIZE = 1 << 20;
