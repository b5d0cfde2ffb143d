/**
 * What the kernel runs a program by, see execve(2).
 *
 * @module
 */

import {
  ELF_SEGMENT,
  O_NONBLOCK,
  O_RDONLY,
  PATH_MAX,
  PT_INTERP,
} from "./abi.ts";
import { decodeCString } from "./c_string.ts";
import { parseElfHeader } from "./elf.ts";
import { Fd } from "./fd.ts";

/** What runs a script, or loads a dynamically linked program. */
export interface Interpreter {
  /** Its path, as the program names it. */
  readonly path: string;
  /** What a script passes it in front of its own path. */
  readonly argument?: string;
}

/** How much the kernel reads of a file to tell what it is, in bytes. */
const LINE_BYTES = 256;

/** The largest table of segments that the kernel takes, in bytes. */
const MAX_TABLE_BYTES = 65_536;

const decoder = new TextDecoder();

/**
 * Finds out what runs a program.
 *
 * @param program The path of a file.
 * @returns What the first line of a script says after `#!`, or the loader that a
 * dynamically linked program names; `undefined` for one that runs by itself.
 * @throws {OsError} If the file cannot be read.
 * @throws {SyntaxError} If it is neither a script nor an ELF file of 64 bits.
 */
export function findInterpreter(program: string): Interpreter | undefined {
  // A pipe without a writer would hold this process up.
  using file = Fd.open(program, O_RDONLY | O_NONBLOCK);
  const bytes = new Uint8Array(LINE_BYTES);
  const start = bytes.subarray(0, file.readAt(bytes, 0n));
  const [line = ""] = decoder.decode(start).split("\n", 1);
  return line.startsWith("#!")
    ? parseShebang(line.slice(2))
    : readLoader(file, start);
}

function parseShebang(line: string): Interpreter {
  const [, path, argument] = line.match(/^[ \t]*([^ \t]+)[ \t]*(.*?)[ \t]*$/) ??
    [];
  if (path === undefined) {
    throw new SyntaxError("Cannot parse a script: it names no interpreter");
  }
  return { path, ...(argument && { argument }) };
}

/** Reads the segment that names a loader, if there is one. */
function readLoader(file: Fd, start: Uint8Array): Interpreter | undefined {
  const { segmentOffset, segmentCount } = parseElfHeader(start);
  const tableSize = segmentCount * ELF_SEGMENT.size;
  if (tableSize > MAX_TABLE_BYTES) {
    throw new SyntaxError("Cannot parse an ELF file: it has too many segments");
  }
  const table = readExactly(file, segmentOffset, tableSize);
  const view = new DataView(table.buffer, 0, table.length);
  for (let at = 0; at < table.length; at += ELF_SEGMENT.size) {
    if (view.getUint32(at + ELF_SEGMENT.type, true) !== PT_INTERP) continue;
    const path = readExactly(
      file,
      view.getBigUint64(at + ELF_SEGMENT.offset, true),
      // The kernel takes no longer one.
      Math.min(
        Number(view.getBigUint64(at + ELF_SEGMENT.fileSize, true)),
        PATH_MAX,
      ),
    );
    return { path: decodeCString(path) };
  }
  return undefined;
}

/** Reads what must be there. */
function readExactly(file: Fd, offset: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (file.readAt(bytes, offset) < length) {
    throw new SyntaxError("Cannot parse an ELF file: it ends too early");
  }
  return bytes;
}
