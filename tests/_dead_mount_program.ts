/**
 * Makes a folder, and becomes another program, for which the folder is a file system
 * that never answers: one of FUSE whose requests nobody reads, in a mount namespace
 * of its own.
 *
 * Usage: `deno run --allow-all _dead_mount_program.ts FOLDER PROGRAM ARGS…`
 *
 * @module
 */

import { encodeCString, encodeCStringArray } from "../ffi/c_string.ts";
import { findProgram } from "../ffi/program.ts";
import { libcPath } from "./_libc_path.ts";

const CLONE_NEWNS = 0x20000;
const MS_REC = 0x4000n;
const MS_PRIVATE = 0x40000n;
const O_RDWR = 2;

const [folder, ...argv] = Deno.args;
const { symbols: c } = Deno.dlopen(libcPath(), {
  unshare: { parameters: ["i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  mount: {
    parameters: ["buffer", "buffer", "buffer", "u64", "buffer"],
    result: "i32",
  },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
});

function encode(text: string): BufferSource {
  return encodeCString(text) as BufferSource;
}

function succeed(result: number, what: string): number {
  if (result < 0) throw new Error(`Cannot ${what}`);
  return result;
}

const none = encode("none");
Deno.mkdirSync(folder!);
// The calling thread's alone, which is the one that goes on.
succeed(c.unshare(CLONE_NEWNS), "leave the mount namespace");
succeed(
  c.mount(none, encode("/"), none, MS_REC | MS_PRIVATE, none),
  "make the mounts private",
);
// Stays open in the program, so that the file system lasts as long.
const fuse = succeed(c.open(encode("/dev/fuse"), O_RDWR), "open /dev/fuse");
const options = `fd=${fuse},rootmode=40000,user_id=0,group_id=0,allow_other`;
succeed(
  c.mount(none, encode(folder!), encode("fuse"), 0n, encode(options)),
  `mount ${folder}`,
);
const env = Object.entries(Deno.env.toObject())
  .map(([name, value]) => `${name}=${value}`);
c.execve(
  encode(findProgram(argv[0]!, Deno.env.get("PATH"))),
  encodeCStringArray(argv) as BufferSource,
  encodeCStringArray(env) as BufferSource,
);
throw new Error(`Cannot become ${argv[0]}`);
