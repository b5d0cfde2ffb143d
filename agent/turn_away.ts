/**
 * Answering a client that there is no room for.
 *
 * @module
 */

import { encodeFrame, type ErrorFrame } from "../protocol/mod.ts";
import type { SessionConnection } from "./session.ts";

/** How long a client may take to send what it is refused, in milliseconds. */
const GRACE = 2000;

const LF = 10;

/**
 * Sends an `error` frame, and closes the connection once the client's first frame
 * has come too, which is not looked at. A client that cannot send it might never
 * read why, and what is closed with something unread is reset.
 *
 * @param connection The connection. It may be closed meanwhile.
 * @param error The frame.
 */
export async function turnAway(
  connection: SessionConnection,
  error: ErrorFrame,
): Promise<void> {
  const timer = setTimeout(() => connection.close(), GRACE);
  try {
    await connection.writable.getWriter().write(encodeFrame(error));
    for await (const chunk of connection.readable) {
      if (chunk.includes(LF)) break;
    }
  } catch {
    // The client is gone.
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}
