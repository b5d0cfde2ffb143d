/**
 * Loaded before the tests where arm64 is emulated, see `arm64_tests.ts`: skips
 * those that cannot hold there, for a reason that is the emulator's own.
 *
 * @module
 */

/**
 * QEMU makes vfork(2) a fork(2), so posix_spawn(3) returns before the child has
 * become the program. It hears nothing of a program that cannot be run, and the
 * child exits with 127; and who kills the child's group at once may be ahead of
 * the child, which has yet to make that group, and is spared.
 */
const NO_VFORK = "QEMU makes vfork a fork";
/**
 * The C library ignores signals 32 and 33, its own, in a child. They are the
 * host's too, so QEMU puts 34 and 35 in their place: a command of the host's
 * sees those ignored, and cannot be killed by them.
 */
const SHIFTED_SIGNALS = "QEMU's 32 and 33 are the host's 34 and 35";
/** It needs more than the 0.4 s that the test gives it for its first attempt. */
const SLOW_CLIENT = "an emulated client takes longer than the test's limit";

/**
 * QEMU knows no openat2(2), so every path is looked up on another thread; why one
 * leads nowhere is told there by posix_spawn(3), which tells nothing in QEMU.
 */
const NO_OPENAT2 = "QEMU has no openat2, and makes vfork a fork";

/** QEMU looks for each path below the folder of arm64's libraries first. */
const OTHER_ROOT = "the root directory is another one in QEMU";

const TOO_SLOW = "it takes more than a minute there";
/** The kernel is asked to run the program, which is another architecture's. */
const NO_EXECVE = "QEMU leaves execve to the kernel";
/** Once in ten runs or so, with the machine busy; never without emulation. */
const LOST_SIGNALS = "an ignored signal isn't always seen as ignored in QEMU";

/** Tests, and single steps of tests, with the reason. */
const SKIPPED: Readonly<Record<string, string>> = {
  "spawn() throws with the reason when the program cannot run": NO_VFORK,
  "serve answers with an error that names the program when it cannot be run ... a missing interpreter":
    NO_VFORK,
  "serve answers with an error that names the program when it cannot be run ... a file of no known format":
    NO_VFORK,
  "serve answers with an error that names the program when it cannot be run ... an argument too long":
    NO_VFORK,
  "serve answers with an error that names the program when it cannot be run ... a script with the ends of lines of Windows":
    NO_VFORK,
  "serve answers with an error that names the program when it cannot be run ... a program that is being written":
    NO_VFORK,
  "serve answers with an error that names the program when it cannot be run ... a link to itself":
    NO_OPENAT2,
  "emptyFolder() removes wide and deep folders, by small steps": NO_OPENAT2,
  "emptyFolder() knows no path that is too long, and holds few descriptors":
    NO_OPENAT2,
  "emptyFolder() can be stopped at any step, and gone on with": NO_OPENAT2,
  "emptyFolder() leaves what something else holds, and ends": NO_OPENAT2,
  "lookUpProgram() tells a missing program from one that may not be run":
    NO_OPENAT2,
  "lookUpProgram() refuses names and search paths that nothing can have":
    NO_OPENAT2,
  "lookUpProgram() tells whether starting it waits for no other file system":
    NO_OPENAT2,
  "lookUpFolder() returns a folder with links resolved, by whatever path":
    OTHER_ROOT,
  "serve runs the command in the folder that cwd names": OTHER_ROOT,
  "lookUpFolder() rejects with the reason when a process couldn't start there":
    NO_OPENAT2,
  "serve kills the child's group at once when the client goes away ... before it has read that its child started":
    NO_VFORK,
  "spawn() makes the child lead a process group, with default signals and no mask":
    SHIFTED_SIGNALS,
  "serve gives the child default signal dispositions and an empty mask":
    SHIFTED_SIGNALS,
  "serve answers with the exit code when the child ends ... kill -35 $$":
    SHIFTED_SIGNALS,
  "client --wait gives up when its time is over": SLOW_CLIENT,
  "serve sees a signal at once behind thousands of tiny raw frames, and keeps little of them":
    TOO_SLOW,
  "serve gives memory back when there are no sessions any more": TOO_SLOW,
  "restart() runs the program again as the same process": NO_EXECVE,
  "isIgnored() tells how the process was started": LOST_SIGNALS,
};

type TestFunction = Deno.TestDefinition["fn"];

const define = Deno.test;

/** `Deno.test` as this project calls it. */
function test(
  nameOrDefinition: string | Deno.TestDefinition,
  fn?: TestFunction,
): void {
  const definition = typeof nameOrDefinition === "string"
    ? { name: nameOrDefinition, fn: fn! }
    : nameOrDefinition;
  const { name } = definition;
  define({
    ...definition,
    ignore: name in SKIPPED || (definition.ignore ?? false),
    fn: (context) => definition.fn(skipSteps(context)),
  });
}

/** Returns a context that skips steps of the test. */
function skipSteps(context: Deno.TestContext): Deno.TestContext {
  const step = (
    nameOrDefinition: string | Deno.TestStepDefinition,
    fn?: TestFunction,
  ) => {
    const definition = typeof nameOrDefinition === "string"
      ? { name: nameOrDefinition, fn: fn! }
      : nameOrDefinition;
    const name = `${context.name} ... ${definition.name}`;
    const ignore = name in SKIPPED || (definition.ignore ?? false);
    return context.step({ ...definition, ignore });
  };
  return Object.create(context, { step: { value: step } });
}

Object.assign(Deno, { test: Object.assign(test, define) });

// Tests run Deno by its path, which for the kernel is no program of this
// machine's.
const deno = Deno.env.get("COCOON_EMULATED_DENO");
if (deno !== undefined) Object.assign(Deno, { execPath: () => deno });
