/** The protocol's version, as `info` answers it. */
export const PROTOCOL_VERSION = 1;

/** The longest frame allowed, in bytes, its newline included: 8 MiB. */
export const MAX_FRAME_BYTES: number = 8 * 1024 * 1024;

/**
 * The most arguments that an `exec` frame may have, the program's name included: as
 * many of the shortest as Linux takes, a pointer and a NUL each of 2 MiB.
 */
export const MAX_ARGUMENTS = 233_016;

/** The most variables that an `exec` frame may have. */
export const MAX_VARIABLES = 4096;

/** The codes that an `error` frame may carry. */
export const ERROR_CODES = [
  "not_found",
  "not_executable",
  "denied",
  "protocol",
  "busy",
  "timeout",
  "internal",
] as const;

/** What kind of failure an `error` frame reports. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** How large a terminal is, in characters. */
export interface TerminalSize {
  /** How many lines it has, 0 to 65535. */
  readonly rows: number;
  /** How many characters a line has, 0 to 65535. */
  readonly cols: number;
}

/** Asks for a terminal. */
export interface TtyRequest extends TerminalSize {
  /** The kind of terminal that the client has, as in the variable `TERM`. */
  readonly term?: string;
}

/**
 * Tells whether a value is the size of a terminal.
 *
 * @param value The value.
 * @returns Whether its `rows` and `cols` are integers from 0 to 65535.
 */
export function isTerminalSize(value: unknown): value is TerminalSize {
  const { rows, cols } = Object(value) as Record<string, unknown>;
  return [rows, cols].every((count) =>
    Number.isInteger(count) && count as number >= 0 && count as number <= 0xffff
  );
}

/**
 * The extensions of the protocol that a session can have, see
 * {@linkcode StartedFrame}.
 */
export type Feature =
  | "placement"
  | "limits"
  | "tty"
  | "signals"
  | "flow"
  | "raw"
  | "usage";

/**
 * Asks the agent to run a program. The first frame of a session.
 *
 * `cwd`, `user`, `timeoutMs` and `clearEnv` ask for the extension `placement`,
 * `memoryBytes`, `pids` and `cpus` for `limits`, `tty` for the one of that name.
 */
export interface ExecFrame {
  /** The frame's type. */
  readonly type: "exec";
  /** The program, which the agent finds by its PATH, and its arguments. */
  readonly argv: readonly string[];
  /** Variables laid over the agent's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The working directory, the agent's own by default. */
  readonly cwd?: string;
  /** The user by name or uid, with `:` and a group by name or gid if wanted. */
  readonly user?: string;
  /** How long the command may take, in milliseconds; 0 for as long as it likes. */
  readonly timeoutMs?: number;
  /** Whether `env` is the whole environment. */
  readonly clearEnv?: boolean;
  /** How many bytes of memory it may take with all that it starts; 0 for any. */
  readonly memoryBytes?: number;
  /** How many processes and threads there may be of it at once; 0 for any. */
  readonly pids?: number;
  /** How many processors' time it may take, such as 0.5; 0 for any. */
  readonly cpus?: number;
  /** The terminal to run it on; pipes without it. */
  readonly tty?: TtyRequest;
  /**
   * Other extensions that the client asks for: `signals`, `flow`, `raw`, `usage`.
   */
  readonly features?: readonly string[];
}

/**
 * Returns the extensions that a request asks for.
 *
 * @param request The first frame of a session.
 * @returns Those that this version knows, each once.
 */
export function requestedFeatures(request: ExecFrame): Feature[] {
  const { cwd, user, timeoutMs = 0, clearEnv = false, tty } = request;
  const { memoryBytes = 0, pids = 0, cpus = 0 } = request;
  const placed = cwd !== undefined || user !== undefined || timeoutMs > 0 ||
    clearEnv;
  const limited = memoryBytes > 0 || pids > 0 || cpus > 0;
  const named = (["signals", "flow", "raw", "usage"] as const)
    .filter((feature) => request.features?.includes(feature));
  return [
    ...(placed ? ["placement" as const] : []),
    ...(limited ? ["limits" as const] : []),
    ...(tty !== undefined ? ["tty" as const] : []),
    ...named,
  ];
}

/** Asks the agent to renew the guest's randomness after a restore. */
export interface ReseedFrame {
  /** The frame's type. */
  readonly type: "reseed";
  /** Random bytes to mix into the kernel's pool. */
  readonly data: Uint8Array;
  /** Whether the guest gets a new machine id as well. */
  readonly regenMachineId: boolean;
}

/** What an agent says about itself and its guest. */
export interface AgentInfo {
  /** The agent's version. */
  readonly version: string;
  /** The protocol's version. */
  readonly protocol: number;
  /** The extensions that the agent can grant. */
  readonly features: readonly string[];
  /** The guest's operating system. */
  readonly os: string;
  /** The guest's architecture. */
  readonly arch: string;
  /** An id that changes whenever the guest boots. */
  readonly bootId: string;
  /** How long ago the guest booted, in milliseconds. */
  readonly uptimeMs: number;
  /** The ABI of Landlock by which the kernel holds the grants, if it does. */
  readonly landlockAbi?: number;
  /**
   * What keeps a command together with all that it starts: `cgroup`, or
   * `process_group`, which a process can leave.
   */
  readonly containment?: string;
  /** What the agent can limit: `cpu`, `memory`, `pids`. */
  readonly controllers?: readonly string[];
}

/** Asks what the agent is, or answers that question. */
export interface InfoFrame {
  /** The frame's type. */
  readonly type: "info";
  /**
   * In the request: whether a client asks for itself, before it does what somebody
   * wants of it, which is no session that an audit log needs to have.
   */
  readonly probe?: boolean;
  /** The answer; missing in the request. On the wire its fields lie flat in the frame. */
  readonly info?: AgentInfo;
}

/** Bytes for the child's stdin, or from its stdout or stderr. */
export interface DataFrame {
  /** The frame's type, which is the stream's name. */
  readonly type: "stdin" | "stdout" | "stderr";
  /** The bytes. */
  readonly data: Uint8Array;
}

/** Ends the child's stdin. */
export interface StdinCloseFrame {
  /** The frame's type. */
  readonly type: "stdin_close";
}

/** Tells the child's terminal that the client's has another size now. */
export interface ResizeFrame extends TerminalSize {
  /** The frame's type. */
  readonly type: "resize";
}

/** Asks for a signal to the child's process group. */
export interface SignalFrame {
  /** The frame's type. */
  readonly type: "signal";
  /** The signal's name, such as `"SIGINT"`. */
  readonly signal: string;
}

/** Allows the client to send more input. */
export interface WindowFrame {
  /** The frame's type. */
  readonly type: "window";
  /** How many bytes more. */
  readonly bytes: number;
}

/** Says that the child runs. */
export interface StartedFrame {
  /** The frame's type. */
  readonly type: "started";
  /** The child's process id. */
  readonly pid: number;
  /** The extensions that the client asked for and the agent granted. */
  readonly features?: readonly string[];
  /** With `flow`: how many bytes of input the client may send at first. */
  readonly window?: number;
}

/** What a command took of its machine, with all that it started. */
export interface ResourceUsage {
  /** The processors' time, in milliseconds. */
  readonly cpuMs: number;
  /** The most memory at once, in bytes, if the kernel tells. */
  readonly peakMemoryBytes?: number;
  /** How many processes were killed because there was no memory, if it tells. */
  readonly oomKills?: number;
}

/** Says how the child ended. Terminal: nothing follows it. */
export interface ExitFrame {
  /** The frame's type. */
  readonly type: "exit";
  /** The exit code. */
  readonly exitCode: number;
  /** The name of the signal that ended the child, such as `"SIGTERM"`. */
  readonly signal?: string;
  /** Whether the child was ended because its time was up. */
  readonly timedOut?: boolean;
  /** With `usage`: what it took. */
  readonly usage?: ResourceUsage;
}

/** Says why a session failed. Terminal: nothing follows it. */
export interface ErrorFrame {
  /** The frame's type. */
  readonly type: "error";
  /** What failed and why, for people. */
  readonly message: string;
  /** What failed, for programs. A code that this version doesn't know is left out. */
  readonly code?: ErrorCode;
}

/** A frame of a type that this version doesn't know. It is never sent. */
export interface UnknownFrame {
  /** Marks the frame as unknown. */
  readonly type: "unknown";
  /** The type that the peer wrote, cut to 64 characters. */
  readonly name: string;
}

/** A frame that can be sent. */
export type KnownFrame =
  | ExecFrame
  | ReseedFrame
  | InfoFrame
  | DataFrame
  | StdinCloseFrame
  | ResizeFrame
  | SignalFrame
  | WindowFrame
  | StartedFrame
  | ExitFrame
  | ErrorFrame;

/** A frame that can be received. */
export type Frame = KnownFrame | UnknownFrame;
