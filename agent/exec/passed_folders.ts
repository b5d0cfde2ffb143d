/**
 * What a caller's words tell about folders when they lead somewhere.
 *
 * @module
 */

/**
 * Lists the folders that must be there for a path to lead anywhere, though the path
 * leaves them again by `..`.
 *
 * @param path The path.
 * @returns The folders' paths, as they stand.
 */
export function foldersLeft(path: string): string[] {
  const left: string[] = [];
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") {
      left.push(parts.join("/"));
      parts.pop();
    } else if (part !== ".") {
      // An absolute path begins with an empty part, which stays.
      if (part !== "" || parts.length === 0) parts.push(part);
    }
  }
  return left;
}

/**
 * Lists the folders that a search goes through before it finds a program.
 *
 * @param candidates The files that are looked for, in order.
 * @returns The folders' paths, as they stand.
 */
export function foldersSearched(candidates: readonly string[]): string[] {
  return candidates.map((path) => path.slice(0, path.lastIndexOf("/")));
}
