/**
 * The descriptors 0 to 2 of this process. Each is one object for all who use it, so
 * that what they write doesn't get mixed up.
 *
 * @module
 */

import { InheritedFd } from "./inherited_fd.ts";

/** Standard input. */
export const STDIN: InheritedFd = new InheritedFd(0, "stdin");
/** Standard output. */
export const STDOUT: InheritedFd = new InheritedFd(1, "stdout");
/** Standard error. */
export const STDERR: InheritedFd = new InheritedFd(2, "stderr");
