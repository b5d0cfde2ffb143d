/**
 * The names of signals, and what this process does on them.
 *
 * @module
 */

import { SIG_SETMASK, SIGACTION, SIZE_OF } from "./abi.ts";
import { libc } from "./libc.ts";

/** The signals of x86_64 and aarch64 Linux by number, see signal(7). */
const NAMES: readonly string[] = [
  ...["", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT"],
  ...["SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2"],
  ...["SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT"],
  ...["SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU"],
  ...["SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR"],
  ...["SIGSYS"],
];

/**
 * Names a signal.
 *
 * @param number The signal's number, 1 to 64.
 * @returns Its name, such as `SIGTERM`; `SIGRTMIN+1` and the like for the
 * real-time signals, and `SIG32` for one without a name.
 */
export function signalName(number: number): string {
  return NAMES[number] ||
    (number < FIRST_REALTIME
      ? `SIG${number}`
      : `SIGRTMIN+${number - FIRST_REALTIME}`);
}

/** The C library keeps 32 and 33 for its threads. */
const FIRST_REALTIME = 34;

/**
 * Tells whether a string is the name of a signal.
 *
 * @param name The string.
 * @returns Whether {@linkcode signalNumber} knows it.
 */
export function isSignalName(name: string): name is Deno.Signal {
  return NAMES.indexOf(name) > 0;
}

/**
 * Numbers a signal.
 *
 * @param name The signal's name, such as `SIGTERM`.
 * @returns Its number.
 * @throws {TypeError} If there is no such signal.
 */
export function signalNumber(name: Deno.Signal): number {
  const number = NAMES.indexOf(name);
  if (number <= 0) {
    throw new TypeError(
      `Cannot number the signal ${
        JSON.stringify(name)
      }: there is none of that name`,
    );
  }
  return number;
}

/** `SIG_IGN`, see signal(2). */
const IGNORED = 1n;

/**
 * Tells whether a signal is ignored, as programs start that nohup(1) runs, or
 * that a script has put into the background. Listening to a signal ends that.
 *
 * @param signal The signal's name.
 * @returns Whether it is.
 */
export function isIgnored(signal: Deno.Signal): boolean {
  const action = new BigUint64Array(SIGACTION.size / 8);
  libc().sigaction(signalNumber(signal), null, action);
  return action[SIGACTION.handler / 8] === IGNORED;
}

/**
 * Lets this thread receive all signals, and the kernel keep the ends of children
 * until they are waited for: whoever started this process may have blocked signals
 * or ignored SIGCHLD, which a new program inherits, see execve(2).
 */
export function resetSignals(): void {
  const c = libc();
  const defaults = new Uint8Array(SIGACTION.size);
  c.sigaction(signalNumber("SIGCHLD"), defaults, null);
  c.pthread_sigmask(SIG_SETMASK, new Uint8Array(SIZE_OF.sigset), null);
}
