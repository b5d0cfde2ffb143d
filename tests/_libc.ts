/**
 * Opens the C library once and for good, so that the test that happens to use
 * it first isn't blamed for leaving it open.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";

libc();
