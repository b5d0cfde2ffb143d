/**
 * The C library: every symbol that this project calls, with its
 * C prototype beside it. Outside `ffi/` the agent only binds them all, and tests and
 * benchmarks use them.
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
  // The same on a thread of the runtime's pool, so that it may block.
  access_blocking: {
    name: "access",
    parameters: ["buffer", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // void cfmakeraw(struct termios *termios_p);
  cfmakeraw: { parameters: ["buffer"], result: "void" },
  // int chown(const char *path, uid_t owner, gid_t group);
  chown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
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
  // int execve(const char *pathname, char *const argv[], char *const envp[]);
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  // int fchmod(int fd, mode_t mode);
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  // int fchown(int fd, uid_t owner, gid_t group);
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  // int fcntl(int fd, int cmd, int arg);
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int flock(int fd, int operation);
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // ssize_t getdents64(int fd, void *dirp, size_t count);
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // uid_t geteuid(void);
  geteuid: { parameters: [], result: "u32" },
  // int getgrnam_r(const char *name, struct group *grp, char *buf, size_t buflen,
  //   struct group **result);
  getgrnam_r: {
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  // int getgrouplist(const char *user, gid_t group, gid_t *groups, int *ngroups);
  getgrouplist: {
    parameters: ["buffer", "u32", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  // pid_t getpgid(pid_t pid);
  getpgid: { parameters: ["i32"], result: "i32" },
  // pid_t getpgrp(void);
  getpgrp: { parameters: [], result: "i32" },
  // int getpwnam_r(const char *name, struct passwd *pwd, char *buf, size_t buflen,
  //   struct passwd **result);
  getpwnam_r: {
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  // int getpwuid_r(uid_t uid, struct passwd *pwd, char *buf, size_t buflen,
  //   struct passwd **result);
  getpwuid_r: {
    parameters: ["u32", "buffer", "buffer", "usize", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  // ssize_t getrandom(void *buf, size_t buflen, unsigned int flags);
  getrandom: { parameters: ["buffer", "usize", "u32"], result: "i32" },
  // pid_t getsid(pid_t pid);
  getsid: { parameters: ["i32"], result: "i32" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  // ssize_t getxattr(const char *path, const char *name, void *value, size_t size);
  getxattr: {
    parameters: ["buffer", "buffer", "buffer", "usize"],
    result: "i32",
  },
  // int inotify_add_watch(int fd, const char *pathname, uint32_t mask);
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int inotify_init1(int flags);
  inotify_init1: { parameters: ["i32"], result: "i32" },
  // int inotify_rm_watch(int fd, int wd);
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  // int ioctl(int fd, unsigned long request, void *argp);
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  // int kill(pid_t pid, int sig);
  kill: { parameters: ["i32", "i32"], result: "i32" },
  // long syscall(long number, int ruleset_fd, enum landlock_rule_type rule_type,
  //   const void *rule_attr, uint32_t flags); as landlock_add_rule(2) needs it
  landlock_add_rule: {
    name: "syscall",
    parameters: ["i64", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  // long syscall(long number, const struct landlock_ruleset_attr *attr, size_t size,
  //   uint32_t flags); as landlock_create_ruleset(2) needs it
  landlock_create_ruleset: {
    name: "syscall",
    parameters: ["i64", "buffer", "usize", "u32"],
    result: "i32",
  },
  // int listen(int sockfd, int backlog);
  listen: { parameters: ["i32", "i32"], result: "i32" },
  // int mkdir(const char *path, mode_t mode);
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  // int open(const char *path, int flags, mode_t mode);
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  // The same on a thread of the runtime's pool, so that it may block.
  open_blocking: {
    name: "open",
    parameters: ["buffer", "i32", "u32"],
    result: "i32",
    nonblocking: true,
  },
  // long openat2(int dirfd, const char *path, struct open_how *how, size_t size); by
  // syscall(2), whose first argument is SYS_openat2
  openat2: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "buffer", "usize"],
    result: "i32",
  },
  // int openat(int dirfd, const char *path, int flags, mode_t mode);
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  // The same on a thread of the runtime's pool, so that it may block.
  openat_blocking: {
    name: "openat",
    parameters: ["i32", "buffer", "i32", "u32"],
    result: "i32",
    nonblocking: true,
  },
  // int pipe2(int pipefd[2], int flags);
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // int posix_openpt(int flags);
  posix_openpt: { parameters: ["i32"], result: "i32" },
  // int posix_spawn(pid_t *pid, const char *path,
  //   const posix_spawn_file_actions_t *file_actions, const posix_spawnattr_t *attrp,
  //   char *const argv[], char *const envp[]);
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  // The same on a thread of the runtime's pool, so that it may block.
  posix_spawn_blocking: {
    name: "posix_spawn",
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
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
  // int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *fa, int fd,
  //   const char *path, int oflag, mode_t mode);
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  // int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *fa);
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  // int posix_spawn_file_actions_init(posix_spawn_file_actions_t *fa);
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_init(posix_spawnattr_t *attr);
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_setcgroup_np(posix_spawnattr_t *attr, int cgroup); since glibc 2.39
  posix_spawnattr_setcgroup_np: {
    parameters: ["buffer", "i32"],
    result: "i32",
    optional: true,
  },
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
  // int malloc_trim(size_t pad);
  malloc_trim: { parameters: ["usize"], result: "i32" },
  // void *memchr(const void *s, int c, size_t n);
  memchr: { parameters: ["buffer", "i32", "usize"], result: "u64" },
  // void *memcpy(void *dest, const void *src, size_t n); to read what C points to
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  // The same, with nothing to copy, for the address of a buffer.
  memcpy_address: {
    name: "memcpy",
    parameters: ["buffer", "buffer", "usize"],
    result: "u64",
  },
  // int prctl(int op, unsigned long arg2, unsigned long arg3, unsigned long arg4,
  //   unsigned long arg5);
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  // ssize_t pread(int fd, void *buf, size_t count, off_t offset);
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  // int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset);
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int ptsname_r(int fd, char *buf, size_t buflen);
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t readlink(const char *path, char *buf, size_t bufsiz);
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  // char *realpath(const char *path, char *resolved_path);
  realpath: { parameters: ["buffer", "buffer"], result: "pointer" },
  // int renameat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath);
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  // The same on a thread of the runtime's pool, so that it may block.
  renameat_blocking: {
    name: "renameat",
    parameters: ["i32", "buffer", "i32", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  // int rmdir(const char *path);
  rmdir: { parameters: ["buffer"], result: "i32" },
  // ssize_t send(int sockfd, const void *buf, size_t len, int flags);
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags,
  //   const struct sockaddr *dest_addr, socklen_t addrlen);
  sendto: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
    result: "i32",
  },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  // int shutdown(int sockfd, int how);
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  // int sigaction(int signum, const struct sigaction *act, struct sigaction *oldact);
  sigaction: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
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
  // The same on a thread of the runtime's pool, so that it may block.
  statx_blocking: {
    name: "statx",
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  // const char *strerrorname_np(int errnum);
  strerrorname_np: { parameters: ["i32"], result: "pointer" },
  // char *strncpy(char *dest, const char *src, size_t n);
  strncpy: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  // The same, of a string by its address.
  strncpy_address: {
    name: "strncpy",
    parameters: ["buffer", "u64", "usize"],
    result: "void",
  },
  // long syscall(long number, pid_t pid, unsigned int flags); as pidfd_open(2) needs it,
  // and landlock_restrict_self(2) with a descriptor in the place of the process
  syscall: { parameters: ["i64", "i32", "u32"], result: "i32" },
  // int tcgetattr(int fd, struct termios *termios_p);
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  // pid_t tcgetpgrp(int fd);
  tcgetpgrp: { parameters: ["i32"], result: "i32" },
  // int tcsetattr(int fd, int optional_actions, const struct termios *termios_p);
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  // int unlink(const char *path);
  unlink: { parameters: ["buffer"], result: "i32" },
  // int unlinkat(int dirfd, const char *path, int flags);
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int unlockpt(int fd);
  unlockpt: { parameters: ["i32"], result: "i32" },
  // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options);
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // The same on a thread of the runtime's pool, so that it may block.
  write_blocking: {
    name: "write",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
    nonblocking: true,
  },
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
 * Symbols that are bound at once: what reads `errno`, which binding would change,
 * and the newest of all, so that a library that is too old shows at the start.
 */
const NEEDED = [
  "__errno_location",
  "memcpy",
  "posix_spawn_file_actions_addclosefrom_np",
] as const;

/**
 * Opens the C library by the first absolute path that exists and may be opened.
 *
 * The paths are literal because `--allow-ffi` compares them literally, so that
 * the grant can name this one file.
 */
function openLibrary(): Libc {
  const paths = LIBRARY_PATHS[Deno.build.arch];
  const reasons: string[] = [];
  let denied = false;
  for (const path of paths) {
    try {
      const library = bindLazily(path);
      for (const name of NEEDED) library[name];
      return library;
    } catch (error) {
      denied ||= error instanceof Deno.errors.NotCapable;
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (denied) {
    throw new Error(
      `Cannot open the C library: Deno doesn't grant it; run with --allow-ffi=${
        paths.join(",")
      }`,
    );
  }
  throw new Error(
    `Cannot open the C library (glibc 2.34 or newer is needed): ${
      reasons.join("; ")
    }`,
  );
}

/**
 * Binds each symbol when it is first used. One takes 0.1 to 0.2 ms, and a client
 * that starts for a single command needs few: it ends 6 ms sooner, of 58.
 */
function bindLazily(path: string): Libc {
  const bound = {};
  for (const [name, symbol] of Object.entries(SYMBOLS)) {
    Object.defineProperty(bound, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = Deno.dlopen(path, { [name]: symbol }).symbols[name];
        Object.defineProperty(bound, name, { value });
        return value;
      },
    });
  }
  return bound as Libc;
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
 * Binds all symbols that have not been used yet: a process that runs for long must
 * not lack one when it is short of descriptors or memory.
 */
export function bindAll(): void {
  Object.values(libc());
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
