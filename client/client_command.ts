/**
 * The `client` command.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { type Command, UsageError } from "../cli/command.ts";
import { formatTable } from "../cli/help.ts";
import type { ParsedFlags } from "../cli/parse_flags.ts";
import { readableFromFd } from "../ffi/fd_streams.ts";
import { forEachChunk } from "../ffi/for_each_chunk.ts";
import { InheritedFd } from "../ffi/inherited_fd.ts";
import { enlargePipe } from "../ffi/pipe.ts";
import { STDIN } from "../ffi/standard_streams.ts";
import { AgentError } from "./errors.ts";
import { EXEC_FLAGS, parseDescriptor, parseExecFlags } from "./exec_flags.ts";
import { classifyFailure, EXIT_FAILURE, LeftError } from "./failure.ts";
import type { HostAdapter } from "./host_adapter.ts";
import { checkArguments } from "./local_arguments.ts";
import { LocalOutput } from "./local_output.ts";
import { LocalSignals } from "./local_signals.ts";
import type { LocalTerminal } from "./local_terminal.ts";
import type { RemoteProcess, RemoteStatus } from "./remote_process.ts";
import { spawn } from "./spawn.ts";
import type { StatusChannel } from "./status_channel.ts";
import {
  callAgent,
  parseTarget,
  TARGET_FLAGS,
  TARGET_NOTES,
  TARGET_USAGE,
} from "./target_flags.ts";

/** As timeout(1) says it. */
const EXIT_TIMED_OUT = 124;

/** Runs a command in a guest. */
export const clientCommand: Command = {
  name: "client",
  summary: "Run a command in a machine, with stdin, stdout and stderr",
  usage: [`client ${TARGET_USAGE} [FLAGS] [--] ARGV…`],
  takesArguments: true,
  flags: [...TARGET_FLAGS, ...EXEC_FLAGS],
  notes: `Examples:
  cocoon-agent client --cid 3 uname -a
  cocoon-agent client --uds /run/vm.sock --wait 30s -- sh -c 'cat > /etc/motd' < motd
  cocoon-agent client --cid 3 -t -u admin -w /srv -- bash
  cocoon-agent client --cid 3 --timeout 5m --env-file build.env -- make

Flags end at the first word that is none, or at "--"; short ones may be written
together, and with their values: -tu admin, -w/srv.

Signals: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 go to the command.
A second SIGINT within a second kills it and ends the client. With -t keys do what
signals do, and a signal to the client kills the command and ends the client.

Keys with -t, at the start of a line, if the client runs on a terminal:
${describeKeys("~").join("\n")}

A program that runs the client may watch and control it by lines of JSON:
  --control-fd reads  {"resize":{"rows":40,"cols":120}}, {"signal":"SIGTERM"}
                      and {"stdin_close":true}
  --status-fd writes  {"started":{"pid":1,"features":[…]}}, and in the end either
                      {"exit":{"code":143,"signal":"SIGTERM"}} or
                      {"error":{"code":"not_found","message":"…"}}
The client kills the command and ends when the other end of one is closed.

${TARGET_NOTES}

Exit codes:
  the command's own, or 128 + n if the signal n ended it, or the client
  124  the command took longer than --timeout
  125  the client, its stdin, stdout or stderr, the connection or the agent failed,
       the usage was wrong, or ~.
  126  the command cannot be executed, or isn't granted
  127  the command was not found
  141  nobody reads the client's stdout or stderr any more`,
  usageExitCode: EXIT_FAILURE,
  run,
};

async function run(flags: ParsedFlags): Promise<number> {
  const channel = await openStatusChannel(flags);
  const output = new LocalOutput();
  let status: RemoteStatus;
  try {
    status = await execute(flags, output, channel);
  } catch (error) {
    const { code, exitCode } = classifyFailure(error);
    await channel?.error(code, error instanceof Error ? error.message : "");
    if (error instanceof UsageError) throw error;
    if (!(error instanceof Deno.errors.BrokenPipe)) {
      await output.printError(await withShellHint(error, flags.rest));
    }
    return exitCode;
  }
  await channel?.exit(status);
  const [program] = flags.rest;
  const kills = status.usage?.oomKills ?? 0;
  if (kills > 0) {
    const limit = flags.get("memory");
    // An agent may have a limit of its own, and a machine has one.
    const bound = limit === undefined ? "" : ` (limit ${limit})`;
    await output.printError(
      `"${program}" ran out of memory${bound}: the kernel killed ${kills} of its processes`,
    );
  }
  if (!status.timedOut) return status.code;
  const time = flags.get("timeout");
  // An agent may have a limit of its own.
  const length = time === undefined ? "too long" : `longer than ${time}`;
  await output.printError(`"${program}" took ${length}, and was ended`);
  return EXIT_TIMED_OUT;
}

/** Adds what to type to the message for a command that is one for a shell. */
async function withShellHint(
  error: unknown,
  argv: readonly string[],
): Promise<unknown> {
  if (!(error instanceof AgentError)) return error;
  const { code, message } = error;
  if (code !== "not_found" && code !== "not_executable") return error;
  const { shellHint } = await import("./shell_hint.ts");
  const hint = shellHint(argv);
  return hint === undefined
    ? error
    : new AgentError(`${message}; ${hint}`, code);
}

async function openStatusChannel(
  flags: ParsedFlags,
): Promise<StatusChannel | undefined> {
  const fd = await parseDescriptor(flags, "status-fd", "writable");
  if (fd === undefined) return undefined;
  const { StatusChannel } = await import("./status_channel.ts");
  return new StatusChannel(new InheritedFd(fd, "the status channel"));
}

/** Runs the command to its end, or until something makes the client leave it. */
async function execute(
  flags: ParsedFlags,
  output: LocalOutput,
  status: StatusChannel | undefined,
): Promise<RemoteStatus> {
  checkArguments();
  const target = parseTarget(flags);
  const { argv, placement, tty, escape, raw } = await parseExecFlags(flags);
  const hasInput = !flags.has("no-stdin");
  const leaving = new AbortController();
  const { signal } = leaving;
  const leave = (reason: unknown) => leaving.abort(reason);

  using signals = new LocalSignals(leave);
  if (hasInput) enlargePipe(STDIN);
  const host = await openHostAdapter(flags, status, leave);
  using terminal = tty ? await openTerminal(hasInput) : undefined;
  await using process = await callAgent(
    target,
    flags,
    (options) =>
      spawn(target, argv, {
        ...placement,
        ...options,
        raw,
        stdin: hasInput ? "piped" : "null",
        ...(terminal && { tty: terminal.request() }),
      }),
    { signal },
  );
  status?.started(process);
  if (terminal) terminal.attach((size) => process.resize(size));
  else signals.sendTo(process);
  host?.follow(process);

  if (!hasInput) return await abortable(bridge(process, output), signal);
  let stdin = host?.stdin ?? readableFromFd(STDIN, { preventClose: true });
  if (terminal?.interactive && escape !== undefined) {
    // A terminal's chunks are small, see `forEachChunk`.
    stdin = stdin.pipeThrough(
      await escapeStream(escape, terminal, output, leave),
    );
  }
  feed(process.stdin, stdin).catch(leave);
  return await abortable(bridge(process, output), signal);
}

/** Passes a command's output on, until the command has ended. */
async function bridge(
  process: RemoteProcess,
  output: LocalOutput,
): Promise<RemoteStatus> {
  const outputs = Promise.all([
    process.stdout.pipeTo(output.open("stdout")),
    process.stderr.pipeTo(output.open("stderr")),
  ]);
  // Whichever fails first says why.
  const [status] = await Promise.all([process.status, outputs]);
  return status;
}

/**
 * Passes input on to a command, to its end. Input that fails has no end: a command
 * that saw one would take what has come so far for all of it.
 */
async function feed(
  stdin: WritableStream<Uint8Array>,
  input: ReadableStream<Uint8Array>,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await forEachChunk(input, (chunk) => writer.write(chunk));
    await writer.close();
  } catch (error) {
    // The command may end, or close its stdin, before all of it was read.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

async function openHostAdapter(
  flags: ParsedFlags,
  status: StatusChannel | undefined,
  leave: (reason: unknown) => void,
): Promise<HostAdapter | undefined> {
  const controlFd = await parseDescriptor(flags, "control-fd", "readable");
  if (controlFd === undefined && status === undefined) return undefined;
  const { HostAdapter } = await import("./host_adapter.ts");
  return new HostAdapter({
    ...(controlFd !== undefined && { controlFd }),
    ...(status && { status }),
    leave,
  });
}

async function openTerminal(hasInput: boolean): Promise<LocalTerminal> {
  const { LocalTerminal } = await import("./local_terminal.ts");
  return new LocalTerminal(hasInput);
}

async function escapeStream(
  escape: number,
  terminal: LocalTerminal,
  output: LocalOutput,
  leave: (reason: unknown) => void,
) {
  const { EscapeStream } = await import("./escape_stream.ts");
  const name = keyName(escape);
  return new EscapeStream(escape, {
    leave: () =>
      leave(new LeftError(`Left by ${name}., which kills the command`)),
    suspend: () => terminal.suspend(),
    // The terminal is raw.
    help: () => output.print(`${describeKeys(name).join("\r\n")}\r`),
  });
}

/** Tells what the escape character of a name does, in lines. */
function describeKeys(name: string): string[] {
  return formatTable([
    [
      `${name}.`,
      "leave: kill the command and end the client, also if nothing moves any more",
    ],
    [`${name}^Z`, "suspend the client"],
    [`${name}?`, "list these keys"],
    [`${name}${name}`, `send a single ${name}`],
  ]);
}

function keyName(code: number): string {
  return code < 0x20 || code === 0x7f
    ? `^${String.fromCharCode(code ^ 0x40)}`
    : String.fromCharCode(code);
}
