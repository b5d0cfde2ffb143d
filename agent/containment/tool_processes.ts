/**
 * The processes that the agent runs for itself.
 *
 * @module
 */

/** Their ids. They belong to no session, though they start as commands do. */
export const toolProcesses: Set<number> = new Set();
