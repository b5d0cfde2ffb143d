import { assertEquals } from "@std/assert";
import * as abi from "./abi.ts";

/** The C types and members behind the layouts. */
const LAYOUTS = [
  ["struct epoll_event", abi.EPOLL_EVENT, { events: "events", data: "data" }],
  ["struct sockaddr_vm", abi.SOCKADDR_VM, {
    family: "svm_family",
    port: "svm_port",
    cid: "svm_cid",
  }],
  ["struct sockaddr_un", abi.SOCKADDR_UN, {
    family: "sun_family",
    path: "sun_path",
  }],
  ["struct ucred", abi.UCRED, { pid: "pid", uid: "uid", gid: "gid" }],
  ["siginfo_t", abi.SIGINFO, {
    code: "si_code",
    pid: "si_pid",
    status: "si_status",
  }],
  ["struct statx", abi.STATX, {
    uid: "stx_uid",
    mode: "stx_mode",
    inode: "stx_ino",
    fileSize: "stx_size",
    ownMajor: "stx_rdev_major",
    ownMinor: "stx_rdev_minor",
    deviceMajor: "stx_dev_major",
    deviceMinor: "stx_dev_minor",
  }],
  ["struct open_how", abi.OPEN_HOW, { flags: "flags", resolve: "resolve" }],
  ["struct timespec", abi.TIMESPEC, {
    seconds: "tv_sec",
    nanoseconds: "tv_nsec",
  }],
  ["struct rand_pool_info", abi.RAND_POOL_INFO, {
    entropyCount: "entropy_count",
    bufferSize: "buf_size",
    buffer: "buf",
  }],
  ["struct pollfd", abi.POLLFD, {
    fd: "fd",
    events: "events",
    revents: "revents",
  }],
  ["struct sigaction", abi.SIGACTION, { handler: "sa_handler" }],
  ["struct winsize", abi.WINSIZE, { rows: "ws_row", cols: "ws_col" }],
  ["struct landlock_path_beneath_attr", abi.LANDLOCK_PATH_BENEATH_ATTR, {
    allowedAccess: "allowed_access",
    parentFd: "parent_fd",
  }],
  ["Elf64_Ehdr", abi.ELF_HEADER, {
    class: "e_ident[EI_CLASS]",
    encoding: "e_ident[EI_DATA]",
    machine: "e_machine",
    segmentOffset: "e_phoff",
    sectionOffset: "e_shoff",
    segmentCount: "e_phnum",
    sectionSize: "e_shentsize",
    sectionCount: "e_shnum",
  }],
  ["Elf64_Phdr", abi.ELF_SEGMENT, {
    type: "p_type",
    offset: "p_offset",
    fileSize: "p_filesz",
  }],
  ["struct termios", abi.TERMIOS, {
    inputFlags: "c_iflag",
    localFlags: "c_lflag",
    controlCharacters: "c_cc",
  }],
  ["struct passwd", abi.PASSWD, {
    name: "pw_name",
    uid: "pw_uid",
    gid: "pw_gid",
    home: "pw_dir",
    shell: "pw_shell",
  }],
  ["struct group", abi.GROUP, { gid: "gr_gid" }],
  ["struct dirent64", abi.DIRENT64, {
    length: "d_reclen",
    type: "d_type",
    name: "d_name",
  }],
  ["struct inotify_event", abi.INOTIFY_EVENT, {
    watch: "wd",
    nameLength: "len",
  }],
] as const;

/** Constants that C spells otherwise; a setting of the kernel's has no name. */
const EXPRESSIONS: Readonly<Record<string, string | null>> = {
  PIPE_MAX_SIZE: null,
};

const HEADERS = [
  ...["sys/epoll.h", "sys/socket.h", "sys/un.h", "sys/ioctl.h", "sys/stat.h"],
  ...["sys/syscall.h", "sys/wait.h", "linux/vm_sockets.h", "linux/random.h"],
  ...["fcntl.h", "limits.h", "signal.h", "spawn.h", "stddef.h", "stdio.h"],
  ...["elf.h", "linux/landlock.h", "linux/openat2.h", "sys/prctl.h"],
  ...["dirent.h", "sys/file.h", "sys/inotify.h"],
  ...["grp.h", "poll.h", "pwd.h", "termios.h", "time.h", "unistd.h"],
];

function* facts(): Generator<[expression: string, ours: number]> {
  for (const [type, layout, members] of LAYOUTS) {
    const sizes: Readonly<Record<string, number>> = layout;
    if (sizes["size"] !== undefined) yield [`sizeof(${type})`, sizes["size"]];
    for (const [name, member] of Object.entries(members)) {
      yield [`offsetof(${type}, ${member})`, sizes[name]!];
    }
  }
  yield [
    "sizeof(posix_spawn_file_actions_t)",
    abi.SIZE_OF.posixSpawnFileActions,
  ];
  yield ["sizeof(posix_spawnattr_t)", abi.SIZE_OF.posixSpawnAttributes];
  yield ["sizeof(sigset_t)", abi.SIZE_OF.sigset];
  for (const [name, value] of Object.entries(abi)) {
    const expression = name in EXPRESSIONS ? EXPRESSIONS[name] : name;
    if (typeof value === "number" && expression) yield [expression, value];
  }
}

async function compileAndRun(source: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/facts.c`, source);
    const compiled = await new Deno.Command("cc", {
      args: ["-o", `${folder}/facts`, `${folder}/facts.c`],
    }).output();
    assertEquals(new TextDecoder().decode(compiled.stderr), "");
    const { stdout } = await new Deno.Command(`${folder}/facts`).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function hasCompiler(): Promise<boolean> {
  try {
    return (await new Deno.Command("cc", { args: ["--version"] }).output())
      .success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "abi agrees with the C headers",
  ignore: !await hasCompiler(),
  async fn() {
    const expected = [...facts()];
    const source = [
      "#define _GNU_SOURCE",
      ...HEADERS.map((header) => `#include <${header}>`),
      // Since glibc 2.39.
      "#ifndef POSIX_SPAWN_SETCGROUP",
      `#define POSIX_SPAWN_SETCGROUP ${abi.POSIX_SPAWN_SETCGROUP}`,
      "#endif",
      "int main(void) {",
      // 32 bits, as EPOLLET is negative and VMADDR_CID_ANY is not.
      ...expected.map(([expression]) =>
        `  printf("%u\\n", (unsigned)(${expression}));`
      ),
      "}",
    ].join("\n");
    const values = (await compileAndRun(source)).trim().split("\n").map(Number);
    assertEquals(
      expected.map(([expression], index) => [expression, values[index]]),
      expected.map(([expression, ours]) => [expression, ours >>> 0]),
    );
  },
});
