/**
 * Becomes another program, for which the kernel has no Landlock: a filter of
 * system calls answers in its place, see seccomp(2).
 *
 * Usage: `deno run --allow-all _refuse_landlock.ts ERRNO PROGRAM ARGS…`
 *
 * @module
 */

import { encodeCString, encodeCStringArray } from "../ffi/c_string.ts";
import { findProgram } from "../ffi/program.ts";
import { addressOf } from "../ffi/libc.ts";
import {
  PR_SET_NO_NEW_PRIVS,
  SYS_landlock_create_ruleset,
  SYS_landlock_restrict_self,
} from "../ffi/abi.ts";
import { libcPath } from "./_libc_path.ts";

const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2n;

const [error, ...argv] = Deno.args;
const { symbols: c } = Deno.dlopen(libcPath(), {
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
});

/** Instructions as struct sock_filter has them: code, jt, jf and k. */
const filter = [
  [0x20, 0, 0, 0], // load the number of the call
  [0x35, 0, 2, SYS_landlock_create_ruleset], // the first of three, or later
  [0x25, 1, 0, SYS_landlock_restrict_self], // later than the last
  [0x06, 0, 0, 0x00050000 | Number(error)], // answer with the error
  [0x06, 0, 0, 0x7fff0000], // let it pass
];
const program = new DataView(new ArrayBuffer(8 * filter.length));
filter.forEach(([code, yes, no, value], index) => {
  program.setUint16(8 * index, code!, true);
  program.setUint8(8 * index + 2, yes!);
  program.setUint8(8 * index + 3, no!);
  program.setUint32(8 * index + 4, value!, true);
});
const header = new DataView(new ArrayBuffer(16));
header.setUint16(0, filter.length, true);
header.setBigUint64(8, addressOf(program.buffer), true);

// The calling thread's alone, which is the one that goes on.
c.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n);
c.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, addressOf(header.buffer), 0n, 0n);
const env = Object.entries(Deno.env.toObject())
  .map(([name, value]) => `${name}=${value}`);
c.execve(
  encodeCString(findProgram(argv[0]!, Deno.env.get("PATH"))) as BufferSource,
  encodeCStringArray(argv) as BufferSource,
  encodeCStringArray(env) as BufferSource,
);
throw new Error(`Cannot become ${argv[0]}`);
