import { assertEquals } from "@std/assert";
import { disposablePipe } from "./_test_utils.ts";
import { O_NOCTTY, O_RDONLY, O_RDWR } from "./abi.ts";
import { Fd } from "./fd.ts";
import { fileKind } from "./file_kind.ts";
import { openStreamSocket } from "./open_stream_socket.ts";
import { openPty } from "./pty.ts";

Deno.test("fileKind() tells pipes, sockets, terminals and others apart", () => {
  using pipe = disposablePipe("out");
  assertEquals(fileKind(pipe.child.number), "pipe");
  using socket = openStreamSocket({ transport: "unix", path: "/nowhere" });
  assertEquals(fileKind(socket.number), "socket");
  const { master, path } = openPty({ rows: 24, cols: 80 });
  using _ = master;
  using terminal = Fd.open(path, O_RDWR | O_NOCTTY);
  assertEquals(fileKind(terminal.number), "terminal");
  // Opened by its path it would be another terminal.
  assertEquals(fileKind(master.number), "file");
  for (const path of ["/dev/null", "/proc/self/stat", "/"]) {
    using file = Fd.open(path, O_RDONLY);
    assertEquals(fileKind(file.number), "file", path);
  }
  assertEquals(fileKind(100_000), "file");
});
