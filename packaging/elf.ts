/**
 * Executables as files to be shipped.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { ELF_HEADER } from "../ffi/abi.ts";
import { type ElfHeader, parseElfHeader } from "../ffi/elf.ts";
import type { Architecture } from "./architecture.ts";
import { ToolError } from "./_script.ts";

/**
 * Reads the header of an ELF file.
 *
 * @param path The file's path.
 * @returns The header.
 * @throws {SyntaxError} If it is no 64-bit little-endian ELF file.
 */
export async function readElfHeader(path: string): Promise<ElfHeader> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(ELF_HEADER.size);
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
