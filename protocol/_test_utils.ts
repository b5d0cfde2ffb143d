/** Encodes text as UTF-8. */
export function toBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Decodes UTF-8 as text. */
export function toText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    .decode(bytes);
}

/** Joins chunks. */
export function join(chunks: readonly Uint8Array[]): Uint8Array {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/** Cuts bytes into chunks of the given sizes, which are used again and again. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const size = sizes[chunks.length % sizes.length]!;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

/** Decodes base64 by the platform's own means, or throws. */
export function referenceDecodeBase64(text: string): Uint8Array {
  const chars = text.replace(/={1,2}$/, "");
  if (text.length % 4 !== 0 || /[^A-Za-z0-9+/]/.test(chars)) {
    throw new SyntaxError("Not standard, padded base64");
  }
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** What a function did: returned a value, or threw an error of a type. */
export function outcome<T>(
  run: () => T,
  type: new (message: string) => Error,
): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof type) return type.name;
    throw error;
  }
}

/** Loads base64.ts as a runtime without the built-ins would. */
export async function importBase64WithoutBuiltIns(): Promise<
  typeof import("./base64.ts")
> {
  const descriptor = Object.getOwnPropertyDescriptor(Uint8Array, "fromBase64");
  Reflect.deleteProperty(Uint8Array, "fromBase64");
  try {
    return await import("./base64.ts?without-built-ins");
  } finally {
    if (descriptor !== undefined) {
      Object.defineProperty(Uint8Array, "fromBase64", descriptor);
    }
  }
}

/** Waits until everything in memory has come to rest. */
export async function settle(): Promise<void> {
  // In-memory streams run in microtasks only, which all come before a timer.
  await new Promise((resolve) => setTimeout(resolve, 0));
}
