import { assertEquals, assertThrows } from "@std/assert";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from "./abi.ts";
import { OsError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { libc } from "./libc.ts";
import { notify } from "./notify.ts";
import { encodeAddress } from "./socket_address.ts";

/** The service manager's end, a real datagram socket. */
function bindReceiver(path: string): Fd {
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = new Fd(libc().socket(AF_UNIX, type, 0));
  const address = encodeAddress({ transport: "unix", path });
  assertEquals(libc().bind(fd.number, address, address.byteLength), 0);
  return fd;
}

function receive(fd: Fd): string {
  const bytes = new Uint8Array(4096);
  return new TextDecoder().decode(bytes.subarray(0, fd.tryRead(bytes) ?? 0));
}

Deno.test("notify() fails with the reason when the socket is missing", () => {
  const error = assertThrows(
    () => notify("/proc/self/missing", { READY: "1" }),
    OsError,
    `Cannot notify the service manager at "/proc/self/missing"`,
  );
  assertEquals(error.code, "ENOENT");
});

Deno.test("notify() sends its assignments when the socket has a path", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using receiver = bindReceiver(`${folder}/notify`);
    notify(`${folder}/notify`, { READY: "1", STATUS: "up" });
    assertEquals(receive(receiver), "READY=1\nSTATUS=up\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("notify() sends its assignments when the socket has an abstract name", () => {
  const name = `@cocoon-agent-test-${crypto.randomUUID()}`;
  using receiver = bindReceiver(name);
  notify(name, { WATCHDOG: "1" });
  assertEquals(receive(receiver), "WATCHDOG=1\n");
});
