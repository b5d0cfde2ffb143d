/**
 * A client that sends the beginning of a session, says so, and stays until it is
 * killed.
 *
 * @module
 */

const [path, text] = Deno.args as [string, string];
const bytes = new TextEncoder().encode(text);
const connection = await Deno.connect({ transport: "unix", path });
for (let at = 0; at < bytes.length;) {
  at += await connection.write(bytes.subarray(at));
}
console.log("sent");
await new Promise((resolve) => setTimeout(resolve, 60_000));
