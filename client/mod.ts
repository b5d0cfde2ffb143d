/**
 * The host's end: running commands in virtual machines.
 *
 * It needs `--allow-ffi` for the C library's file alone, such as
 * `--allow-ffi=/lib/x86_64-linux-gnu/libc.so.6`.
 *
 * @example Run a command in the guest with CID 3
 * ```ts ignore
 * import { output } from "@cocoonstack/agent";
 *
 * const { code, stdout } = await output({ cid: 3 }, ["uname", "-a"]);
 * ```
 *
 * @module
 */

export {
  info,
  output,
  type OutputOptions,
  type RemoteOutput,
  reseed,
  type ReseedOptions,
  spawn,
  type SpawnOptions,
} from "./calls.ts";
export { AgentError, ConnectionError } from "./errors.ts";
export type { RemoteProcess, RemoteStatus, Stdio } from "./remote_process.ts";
export type { CallOptions } from "./session.ts";
export type {
  HybridTarget,
  Target,
  UnixTarget,
  VsockTarget,
} from "./target.ts";
export { waitForAgent } from "./wait_for_agent.ts";
export {
  type AgentInfo,
  type ErrorCode,
  ProtocolError,
} from "../protocol/mod.ts";
