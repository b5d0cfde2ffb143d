/**
 * Deadlines: in these tests a hang is a failure that says what was waited for.
 *
 * @module
 */

/**
 * How many times as long as said here anything may take: more than 1 where the
 * program under test is emulated.
 */
const FACTOR = Number(Deno.env.get("COCOON_PATIENCE") ?? 1);
/** How long anything may take by default, in milliseconds. */
const PATIENCE = 30_000;
/** How long a whole test may take, in milliseconds. */
const TEST_PATIENCE = 120_000;
/**
 * How long what comes at once may take, in milliseconds: shorter than the two
 * seconds of grace that others get.
 */
export const AT_ONCE = 1900;
/** How often a condition without an event is looked at, in milliseconds. */
const INTERVAL = 10;

/**
 * Bounds a promise.
 *
 * @param promise What is waited for.
 * @param what What it is, for the message.
 * @param timeout How long it may take, in milliseconds.
 * @returns What the promise resolves to.
 * @throws {Error} If it takes longer.
 */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  timeout = PATIENCE,
): Promise<T> {
  const limit = timeout * FACTOR;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${limit} ms in vain for ${what}`)),
      limit,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for a condition of which no event tells.
 *
 * @param condition Looked at until it is neither false nor undefined.
 * @param what What it is, for the message.
 * @param timeout How long it may take, in milliseconds.
 * @returns What the condition yielded.
 * @throws {Error} If it takes longer.
 */
export async function until<T>(
  condition: () => T | false | undefined | Promise<T | false | undefined>,
  what: string | (() => string),
  timeout = PATIENCE,
): Promise<T> {
  const limit = timeout * FACTOR;
  const deadline = performance.now() + limit;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > deadline) {
      const text = typeof what === "string" ? what : what();
      throw new Error(`Waited ${limit} ms in vain for ${text}`);
    }
    await sleep(INTERVAL);
  }
}

/**
 * Waits until a number stays the same for a while, as a counter does when
 * whoever moves it is held up.
 *
 * @param read Reads the number.
 * @param what What stalls, for the message.
 * @param quiet For how long it must stay the same, in milliseconds.
 * @returns The number.
 */
export async function untilStalled(
  read: () => number | Promise<number>,
  what: string,
  quiet = 500,
): Promise<number> {
  let last = await read();
  let since = performance.now();
  return await until(async () => {
    const now = await read();
    if (now !== last) {
      last = now;
      since = performance.now();
    }
    return performance.now() - since >= quiet * FACTOR ? now : undefined;
  }, what);
}

/**
 * Lets time pass, where time itself is what is tested.
 *
 * @param milliseconds How much.
 */
export async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Bounds a whole test.
 *
 * @param test The test's function.
 * @param timeout How long it may take, in milliseconds.
 * @returns The function for `Deno.test`.
 */
export function bounded(
  test: (context: Deno.TestContext) => Promise<void>,
  timeout = TEST_PATIENCE,
): (context: Deno.TestContext) => Promise<void> {
  return (context) =>
    within(test(context), `the end of "${context.name}"`, timeout);
}
