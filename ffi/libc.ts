/**
 * The C library, opened once: every symbol that this project calls, with its
 * C prototype beside it. Outside `ffi/` only tests import this module.
 *
 * `size_t` and `ssize_t` results that stay below 2³¹ are declared `i32`, which
 * costs no allocation; a 64-bit result would always be a `bigint`.
 *
 * Memory is read and addresses are taken through the library itself: with
 * `--allow-ffi=PATH`, which grants this one file, Deno allows its calls but none
 * of `Deno.UnsafePointer` and `Deno.UnsafePointerView`.
 *
 * @module
 */

const SYMBOLS = {
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
  // int __xpg_strerror_r(int errnum, char *buf, size_t buflen); strerror_r(3) of POSIX
  __xpg_strerror_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  // int access(const char *path, int mode);
  access: { parameters: ["buffer", "i32"], result: "i32" },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int clock_gettime(clockid_t clockid, struct timespec *tp);
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int epoll_create1(int flags);
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  // The same on a thread of the runtime's pool, so that it may block.
  epoll_wait_blocking: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // int eventfd(unsigned int initval, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int fchmod(int fd, mode_t mode);
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  // int fcntl(int fd, int cmd, int arg);
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // uid_t geteuid(void);
  geteuid: { parameters: [], result: "u32" },
  // ssize_t getrandom(void *buf, size_t buflen, unsigned int flags);
  getrandom: { parameters: ["buffer", "usize", "u32"], result: "i32" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  // int ioctl(int fd, unsigned long request, void *argp);
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  // int kill(pid_t pid, int sig);
  kill: { parameters: ["i32", "i32"], result: "i32" },
  // int listen(int sockfd, int backlog);
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int open(const char *path, int flags, mode_t mode);
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  // int pipe2(int pipefd[2], int flags);
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // int posix_spawn(pid_t *pid, const char *path,
  //   const posix_spawn_file_actions_t *file_actions, const posix_spawnattr_t *attrp,
  //   char *const argv[], char *const envp[]);
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  // int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *fa, const char *path);
  posix_spawn_file_actions_addchdir_np: {
    parameters: ["buffer", "buffer"],
    result: "i32",
  },
  // int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *fa, int from);
  posix_spawn_file_actions_addclosefrom_np: {
    parameters: ["buffer", "i32"],
    result: "i32",
  },
  // int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *fa, int fd, int newfd);
  posix_spawn_file_actions_adddup2: {
    parameters: ["buffer", "i32", "i32"],
    result: "i32",
  },
  // int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *fa);
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  // int posix_spawn_file_actions_init(posix_spawn_file_actions_t *fa);
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_init(posix_spawnattr_t *attr);
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_setflags(posix_spawnattr_t *attr, short flags);
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  // int posix_spawnattr_setpgroup(posix_spawnattr_t *attr, pid_t pgroup);
  posix_spawnattr_setpgroup: { parameters: ["buffer", "i32"], result: "i32" },
  // int posix_spawnattr_setsigdefault(posix_spawnattr_t *attr, const sigset_t *sigdefault);
  posix_spawnattr_setsigdefault: {
    parameters: ["buffer", "buffer"],
    result: "i32",
  },
  // int posix_spawnattr_setsigmask(posix_spawnattr_t *attr, const sigset_t *sigmask);
  posix_spawnattr_setsigmask: {
    parameters: ["buffer", "buffer"],
    result: "i32",
  },
  // void *memcpy(void *dest, const void *src, size_t n); to read what C points to
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  // The same, with nothing to copy, for the address of a buffer.
  memcpy_address: {
    name: "memcpy",
    parameters: ["buffer", "buffer", "usize"],
    result: "u64",
  },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // char *realpath(const char *path, char *resolved_path);
  realpath: { parameters: ["buffer", "buffer"], result: "pointer" },
  // ssize_t send(int sockfd, const void *buf, size_t len, int flags);
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags,
  //   const struct sockaddr *dest_addr, socklen_t addrlen);
  sendto: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
    result: "i32",
  },
  // int sigemptyset(sigset_t *set);
  sigemptyset: { parameters: ["buffer"], result: "i32" },
  // int sigfillset(sigset_t *set);
  sigfillset: { parameters: ["buffer"], result: "i32" },
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *buf);
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
  // const char *strerrorname_np(int errnum);
  strerrorname_np: { parameters: ["i32"], result: "pointer" },
  // char *strncpy(char *dest, const char *src, size_t n);
  strncpy: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  // long syscall(long number, pid_t pid, unsigned int flags); as pidfd_open(2) needs it
  syscall: { parameters: ["i64", "i32", "u32"], result: "i32" },
  // int unlink(const char *path);
  unlink: { parameters: ["buffer"], result: "i32" },
  // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options);
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Where the C library is found, by architecture and distribution. The paths are
 * literal because `--allow-ffi` compares them literally; those that don't exist
 * do no harm in a grant.
 */
export const LIBRARY_PATHS: Readonly<
  Record<typeof Deno.build.arch, readonly string[]>
> = {
  x86_64: [
    "/lib/x86_64-linux-gnu/libc.so.6", // Debian, Ubuntu
    "/lib64/libc.so.6", // Fedora, RHEL, SUSE, Arch
  ],
  aarch64: [
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6", // Arch Linux ARM
  ],
};

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/**
 * Opens the C library by the first absolute path that exists and may be opened.
 *
 * The paths are literal because `--allow-ffi` compares them literally, so that
 * the grant can name this one file.
 */
function openLibrary(): Libc {
  const reasons: string[] = [];
  for (const path of LIBRARY_PATHS[Deno.build.arch]) {
    try {
      return Deno.dlopen(path, SYMBOLS).symbols;
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `Cannot open the C library (glibc 2.34 or newer is needed): ${
      reasons.join("; ")
    }`,
  );
}

let library: Libc | undefined;
let errnoLocation: Deno.PointerValue = null;
const errnoCopy = new Int32Array(new ArrayBuffer(4));

/**
 * Returns the C library's symbols, and opens it at the first call.
 *
 * @returns The symbols, callable.
 * @throws {Error} If no C library can be opened, or `--allow-ffi` doesn't
 * cover it.
 */
export function libc(): Libc {
  if (library === undefined) {
    library = openLibrary();
    // The JavaScript thread never changes, so its errno never moves.
    errnoLocation = library.__errno_location();
  }
  return library;
}

/**
 * Returns the calling thread's `errno`. It must be read in the expression that
 * follows the failed call, with nothing allocated in between: the garbage
 * collector's own system calls overwrite it.
 *
 * @returns The value that the last failed call left, see errno(3).
 */
export function errno(): number {
  library!.memcpy(errnoCopy, errnoLocation, 4n);
  return errnoCopy[0]!;
}

/**
 * Returns the address of a buffer. It stays valid for as long as the buffer is
 * referenced, which the address alone does not do.
 *
 * @param buffer The buffer.
 * @returns The address of its first byte.
 */
export function addressOf(buffer: ArrayBuffer): bigint {
  return libc().memcpy_address(buffer, buffer, 0n);
}
