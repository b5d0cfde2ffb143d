/**
 * The header of an ELF file, see elf(5).
 *
 * @module
 */

import { ELF_HEADER, ELFCLASS64, ELFDATA2LSB } from "./abi.ts";

/** What is needed of the header. */
export interface ElfHeader {
  /** The architecture's number. */
  readonly machine: number;
  /** Where the table of segments is, in bytes from the file's beginning. */
  readonly segmentOffset: bigint;
  /** How many segments it has. */
  readonly segmentCount: number;
  /** Where the section headers end, which linkers put last in the file. */
  readonly end: number;
}

const MAGIC = 0x7f454c46;

/**
 * Parses the header of a 64-bit little-endian ELF file.
 *
 * @param bytes The file, or at least its first 64 bytes.
 * @returns The header.
 * @throws {SyntaxError} If it is no such file.
 */
export function parseElfHeader(bytes: Uint8Array): ElfHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < ELF_HEADER.size || view.getUint32(0) !== MAGIC) {
    throw new SyntaxError("Cannot parse an ELF header: it isn't there");
  }
  if (
    view.getUint8(ELF_HEADER.class) !== ELFCLASS64 ||
    view.getUint8(ELF_HEADER.encoding) !== ELFDATA2LSB
  ) {
    throw new SyntaxError(
      "Cannot parse an ELF header: it isn't 64-bit little-endian",
    );
  }
  const sectionOffset = view.getBigUint64(ELF_HEADER.sectionOffset, true);
  const sectionSize = view.getUint16(ELF_HEADER.sectionSize, true);
  const sectionCount = view.getUint16(ELF_HEADER.sectionCount, true);
  return {
    machine: view.getUint16(ELF_HEADER.machine, true),
    segmentOffset: view.getBigUint64(ELF_HEADER.segmentOffset, true),
    segmentCount: view.getUint16(ELF_HEADER.segmentCount, true),
    end: Number(sectionOffset) + sectionSize * sectionCount,
  };
}
