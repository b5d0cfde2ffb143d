/**
 * Tests that call the client in this process, which must not leave anything
 * open: the sanitizers see no descriptors that the C library opened.
 *
 * @module
 */

import { bindAll } from "../ffi/libc.ts";
import { bounded, until } from "./_bounded.ts";
import { openDescriptors } from "./_proc.ts";

// What is opened once and for good must not be blamed on the test that happens
// to need it first: the library, and what the runtime needs to watch children.
bindAll();
await new Deno.Command("true").output();

/**
 * Bounds a test, and checks that it leaves no descriptor open in this process.
 *
 * @param test The test's function.
 * @returns The function for `Deno.test`.
 */
export function leakless(
  test: (context: Deno.TestContext) => Promise<void>,
): (context: Deno.TestContext) => Promise<void> {
  return bounded(async (context) => {
    const before = openDescriptors("self");
    await test(context);
    // The readiness loop ends a moment after what it waited for.
    await until(
      () => openDescriptors("self").length <= before.length,
      () =>
        `descriptors to be closed; before:\n${before.join("\n")}\nafter:\n${
          openDescriptors("self").join("\n")
        }`,
      2000,
    );
  });
}
