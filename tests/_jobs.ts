/**
 * Processes that others start.
 *
 * @module
 */

import { until } from "./_bounded.ts";
import { childrenOf } from "./_proc.ts";

/**
 * Waits for a process to have a child that runs a program.
 *
 * @param parent The process.
 * @param name The program's name.
 * @returns The child's process id.
 */
export async function childNamed(
  parent: number,
  name: string,
): Promise<number> {
  const { pid } = await until(
    () => childrenOf(parent).find((child) => child.name === name),
    () => `${name} among ${JSON.stringify(childrenOf(parent))}`,
  );
  return pid;
}
