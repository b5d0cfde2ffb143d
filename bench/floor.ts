/**
 * What no agent can be faster than: the same without an agent, in this process.
 *
 * @module
 */

import { O_CLOEXEC, O_RDWR, P_PID, SIGINFO, WEXITED } from "../ffi/abi.ts";
import { OsError } from "../ffi/errno.ts";
import { Fd } from "../ffi/fd.ts";
import { errno, libc } from "../ffi/libc.ts";
import { startProcess } from "../ffi/posix_spawn.ts";
import { findProgram } from "../ffi/program.ts";
import { ECHO_LINE } from "./load_generator.ts";

/**
 * Runs `true` by posix_spawn(3), and waits for its end. This blocks the process.
 *
 * @returns How long that took, in milliseconds.
 */
export function spawnTrue(): number {
  const options = programOptions("true");
  using nothing = Fd.open("/dev/null", O_RDWR);
  const start = performance.now();
  const pid = startProcess(options, [nothing, nothing, nothing]);
  wait(pid);
  return performance.now() - start;
}

/** The program `cat` on pipes, which sends back what it gets. */
export class Cat implements Disposable {
  readonly #stdin: Fd;
  readonly #stdout: Fd;
  readonly #pid: number;
  readonly #chunk = new Uint8Array(ECHO_LINE.length);

  /** Starts it. */
  constructor() {
    using nothing = Fd.open("/dev/null", O_RDWR);
    const [stdin, ownStdin] = openBlockingPipe();
    const [ownStdout, stdout] = openBlockingPipe();
    using _stdin = stdin;
    using _stdout = stdout;
    this.#stdin = ownStdin;
    this.#stdout = ownStdout;
    this.#pid = startProcess(programOptions("cat"), [stdin, stdout, nothing]);
  }

  /**
   * Sends a short line, and waits until it comes back. This blocks the process.
   *
   * @returns How long that took, in milliseconds.
   */
  echo(): number {
    const start = performance.now();
    this.#stdin.tryWrite(ECHO_LINE);
    for (let missing = ECHO_LINE.length; missing > 0;) {
      const count = this.#stdout.tryRead(this.#chunk);
      if (!count) throw new Error(`"cat" has ended`);
      missing -= count;
    }
    return performance.now() - start;
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    this.#stdin.close();
    this.#stdout.close();
    wait(this.#pid);
  }
}

function programOptions(name: string) {
  return {
    program: findProgram(name, Deno.env.get("PATH")),
    argv: [name],
    env: Deno.env.toObject(),
  };
}

/** Returns the end to read from, and the end to write to. */
function openBlockingPipe(): [Fd, Fd] {
  const ends = new Int32Array(2);
  if (libc().pipe2(ends, O_CLOEXEC) < 0) {
    throw new OsError(errno(), "open a pipe");
  }
  return [new Fd(ends[0]!), new Fd(ends[1]!)];
}

const info = new Uint8Array(SIGINFO.size);

function wait(pid: number): void {
  if (libc().waitid(P_PID, pid, info, WEXITED) < 0) {
    throw new OsError(errno(), `wait for process ${pid}`);
  }
}
