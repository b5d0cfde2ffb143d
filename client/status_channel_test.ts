import { assertEquals } from "@std/assert";
import { withoutFdLeaks } from "../ffi/_test_utils.ts";
import { readableFromFd } from "../ffi/fd_streams.ts";
import { InheritedFd } from "../ffi/inherited_fd.ts";
import { openPipe } from "../ffi/pipe.ts";
import { StatusChannel } from "./status_channel.ts";

function openChannel() {
  const { own, child } = openPipe("out");
  const fd = new InheritedFd(child.number);
  return { reader: own, fd, channel: new StatusChannel(fd) };
}

Deno.test("StatusChannel writes a line of JSON for each event", async () => {
  await withoutFdLeaks(async () => {
    const { reader, fd, channel } = openChannel();
    channel.started({ pid: 5, features: ["tty"] });
    const status = { success: false, code: 143, signal: null };
    await channel.exit({ ...status, timedOut: false });
    await channel.exit({ ...status, signal: "SIGTERM", timedOut: true });
    await channel.error("not_found", 'no "x"\n');
    fd.close();
    assertEquals(
      await new Response(readableFromFd(reader)).text(),
      [
        '{"started":{"pid":5,"features":["tty"]}}\n',
        '{"exit":{"code":143}}\n',
        '{"exit":{"code":143,"signal":"SIGTERM","timed_out":true}}\n',
        '{"error":{"code":"not_found","message":"no \\"x\\"\\n"}}\n',
      ].join(""),
    );
  });
});

Deno.test("StatusChannel.lost is aborted when nobody reads any more, and writing does no harm", async () => {
  await withoutFdLeaks(async () => {
    const { reader, fd, channel } = openChannel();
    const lost = new Promise((resolve) => channel.lost.onabort = resolve);
    reader.close();
    await lost;
    await channel.error("cancelled", "");
    fd.close();
  });
});
