import { assertEquals } from "@std/assert";
import { withoutFdLeaks } from "../../ffi/_test_utils.ts";
import {
  AF_UNIX,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from "../../ffi/abi.ts";
import { AsyncFd } from "../../ffi/async_fd.ts";
import { libc } from "../../ffi/libc.ts";
import { encodeAddress } from "../../ffi/socket_address.ts";
import { ServiceManager } from "./service_manager.ts";

/** The service manager's end, a real datagram socket. */
class Receiver implements Disposable {
  readonly path = `@cocoon-agent-test-${crypto.randomUUID()}`;
  readonly #fd: AsyncFd;

  constructor() {
    const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    this.#fd = new AsyncFd(libc().socket(AF_UNIX, type, 0));
    const address = encodeAddress({ transport: "unix", path: this.path });
    assertEquals(
      libc().bind(this.#fd.number, address, address.byteLength),
      0,
    );
  }

  async receive(): Promise<string> {
    const bytes = new Uint8Array(4096);
    for (;;) {
      const count = this.#fd.tryRead(bytes);
      if (count !== null) {
        return new TextDecoder().decode(bytes.subarray(0, count));
      }
      await this.#fd.readable();
    }
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

const environment = (variables: Record<string, string>) =>
  new Map(Object.entries(variables));

Deno.test("ServiceManager tells what the agent does", async () => {
  using receiver = new Receiver();
  const manager = new ServiceManager(
    environment({ NOTIFY_SOCKET: receiver.path }),
  );
  manager.status("waiting");
  assertEquals(await receiver.receive(), "STATUS=waiting\n");
  manager.ready("serving");
  assertEquals(await receiver.receive(), "READY=1\nSTATUS=serving\n");
  manager.stopping();
  assertEquals(await receiver.receive(), "STOPPING=1\nSTATUS=Stopping\n");
});

Deno.test("ServiceManager feeds the watchdog until the agent stops", async () => {
  await withoutFdLeaks(async () => {
    using receiver = new Receiver();
    const manager = new ServiceManager(environment({
      NOTIFY_SOCKET: receiver.path,
      WATCHDOG_USEC: "20000",
      WATCHDOG_PID: String(Deno.pid),
    }));
    manager.ready("serving");
    await receiver.receive();
    assertEquals(await receiver.receive(), "WATCHDOG=1\n");
    assertEquals(await receiver.receive(), "WATCHDOG=1\n");
    manager.stopping();
  });
});

Deno.test("ServiceManager is silent when there is no service manager", () => {
  const manager = new ServiceManager(environment({}));
  manager.ready("serving");
  manager.stopping();
});
