/**
 * The header of an ELF file, see elf(5).
 *
 * @module
 */

import { existsSync } from "node:fs";
import type { Architecture } from "./architecture.ts";
import { ToolError } from "./_script.ts";

/** How many bytes of a file hold its header. */
export const ELF_HEADER_SIZE = 64;

/** What is needed of the header. */
export interface ElfHeader {
  /** The architecture's number. */
  readonly machine: number;
  /** Where the section headers end, which linkers put last in the file. */
  readonly end: number;
}

const MAGIC = 0x7f454c46;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;

/**
 * Parses the header of a 64-bit little-endian ELF file.
 *
 * @param bytes The file, or at least its first 64 bytes.
 * @returns The header.
 * @throws {SyntaxError} If it is no such file.
 */
export function parseElfHeader(bytes: Uint8Array): ElfHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < ELF_HEADER_SIZE || view.getUint32(0) !== MAGIC) {
    throw new SyntaxError("Cannot parse an ELF header: it isn't there");
  }
  if (view.getUint8(4) !== CLASS_64 || view.getUint8(5) !== LITTLE_ENDIAN) {
    throw new SyntaxError(
      "Cannot parse an ELF header: it isn't 64-bit little-endian",
    );
  }
  const sectionOffset = Number(view.getBigUint64(0x28, true));
  const sectionSize = view.getUint16(0x3a, true);
  const sectionCount = view.getUint16(0x3c, true);
  return {
    machine: view.getUint16(0x12, true),
    end: sectionOffset + sectionSize * sectionCount,
  };
}

/**
 * Reads the header of an ELF file.
 *
 * @param path The file's path.
 * @returns The header.
 * @throws {SyntaxError} If it is no 64-bit little-endian ELF file.
 */
export async function readElfHeader(path: string): Promise<ElfHeader> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(ELF_HEADER_SIZE);
  const length = await file.read(bytes) ?? 0;
  try {
    return parseElfHeader(bytes.subarray(0, length));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`${error.message} in "${path}"`, { cause: error });
  }
}

/**
 * Checks that a file is an executable for an architecture.
 *
 * @param purpose What it is for, for the message, such as `package`.
 * @param path The file's path.
 * @param architecture The architecture.
 * @throws {ToolError} If it isn't, or there is no such file.
 */
export async function checkExecutable(
  purpose: string,
  path: string,
  { machine, debian, target }: Architecture,
): Promise<void> {
  if (!existsSync(path)) {
    throw new ToolError(
      `Cannot ${purpose} "${path}": there is no such file; "deno task compile --target ${target}" makes one`,
    );
  }
  const header = await readElfHeader(path).catch(() => undefined);
  if (header?.machine !== machine) {
    throw new ToolError(
      `Cannot ${purpose} "${path}": it isn't an executable for ${debian}`,
    );
  }
}
