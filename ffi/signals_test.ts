import { assertEquals } from "@std/assert";
import { signalName, signalNumber } from "./signals.ts";

Deno.test("signalName() and signalNumber() agree with the shell", async () => {
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", "for n in {1..31}; do kill -l $n; done"],
  }).output();
  const names = new TextDecoder().decode(stdout).trim().split("\n");
  names.forEach((name, index) => {
    assertEquals(signalName(index + 1), `SIG${name}`);
    assertEquals(signalNumber(`SIG${name}` as Deno.Signal), index + 1);
  });
});

Deno.test("signalName() counts real-time signals from the first", () => {
  assertEquals(signalName(34), "SIGRTMIN+0");
  assertEquals(signalName(64), "SIGRTMIN+30");
});
