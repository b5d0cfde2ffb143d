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
  AgentError,
  ConnectionError,
  type NeededFeature,
  UnsupportedError,
} from "./errors.ts";
export { info, type RemoteInfo } from "./info.ts";
export { output, type OutputOptions, type RemoteOutput } from "./output.ts";
export type { RemoteProcess, RemoteStatus, Stdio } from "./remote_process.ts";
export { reseed, type ReseedOptions } from "./reseed.ts";
export type { CallOptions } from "./session.ts";
export {
  type Limits,
  type Placement,
  spawn,
  type SpawnOptions,
} from "./spawn.ts";
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
  type ResourceUsage,
  type TerminalSize,
  type TtyRequest,
} from "../protocol/mod.ts";
