/** The protocol's version, as `info` answers it. */
export const PROTOCOL_VERSION = 1;

/** The longest frame allowed, in bytes, its newline included: 8 MiB. */
export const MAX_FRAME_BYTES: number = 8 * 1024 * 1024;

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

/** Asks the agent to run a program. The first frame of a session. */
export interface ExecFrame {
  /** The frame's type. */
  readonly type: "exec";
  /** The program, which the agent finds by its PATH, and its arguments. */
  readonly argv: readonly string[];
  /** Variables laid over the agent's own environment. */
  readonly env: Readonly<Record<string, string>>;
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
}

/** Asks what the agent is, or answers that question. */
export interface InfoFrame {
  /** The frame's type. */
  readonly type: "info";
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

/** Says that the child runs. */
export interface StartedFrame {
  /** The frame's type. */
  readonly type: "started";
  /** The child's process id. */
  readonly pid: number;
  /** The extensions that the agent granted. */
  readonly features?: readonly string[];
}

/** Says how the child ended. Terminal: nothing follows it. */
export interface ExitFrame {
  /** The frame's type. */
  readonly type: "exit";
  /** The exit code. */
  readonly exitCode: number;
  /** The name of the signal that ended the child, such as `"SIGTERM"`. */
  readonly signal?: string;
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
  | StartedFrame
  | ExitFrame
  | ErrorFrame;

/** A frame that can be received. */
export type Frame = KnownFrame | UnknownFrame;
