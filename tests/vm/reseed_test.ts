import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AgentError, reseed } from "../../client/mod.ts";
import { runClient } from "../_client.ts";
import { randomBytes } from "../_wire.ts";
import { bootFiles, Guest, withGuests } from "./_guest.ts";
import { SecondAgent } from "./_second_agent.ts";

const TRACING = "/sys/kernel/tracing";

/** Lets the kernel trace what the two calls of random(4) do. */
const TRACE = `
  mount -t tracefs tracefs ${TRACING}
  echo write_pool_user >${TRACING}/set_ftrace_filter
  echo crng_reseed >>${TRACING}/set_ftrace_filter
  echo function >${TRACING}/current_tracer`;

/** Gives the guest what a reseed renews. */
const PLANT = `
  mkdir -p /var/lib/systemd /var/lib/dbus
  echo 0123456789abcdef0123456789abcdef >/etc/machine-id
  echo 0123456789abcdef0123456789abcdef >/var/lib/dbus/machine-id
  echo seed >/var/lib/systemd/random-seed`;

Deno.test(
  "reseed renews a guest's randomness",
  withGuests(async (t) => {
    using files = await bootFiles();
    await using guest = await Guest.boot(files);
    const { uds } = guest.target;
    const machineId = () => guest.sh("cat /etc/machine-id");

    await t.step(
      "by entropy that the kernel takes and uses at once",
      async () => {
        await guest.sh(`${PLANT}; ${TRACE}`);
        const { code, stdout, stderr } = await runClient(
          ["--uds", uds],
          { command: "reseed" },
        );
        assertEquals([code, stdout, stderr], [0, "", ""]);
        const trace = await guest.sh(
          `sed -n 's/^ *cocoon-agent-.*: //p' ${TRACING}/trace`,
        );
        assertEquals(trace.split("\n"), [
          "write_pool_user <-random_ioctl",
          "crng_reseed <-random_ioctl",
        ]);
      },
    );

    await t.step("and drops the seed that was saved, alone", async () => {
      assertEquals(await guest.sh("ls /var/lib/systemd"), "");
      assertMatch(await machineId(), /^0123456789abcdef/);
      assertEquals(await guest.sh("ls /var/lib/dbus"), "machine-id");
    });

    await t.step("with a fresh machine id each time", async () => {
      const ids = [await machineId()];
      for (let i = 0; i < 2; i++) {
        const { code, stderr } = await runClient(
          ["--uds", uds, "--regen-machine-id"],
          { command: "reseed" },
        );
        assertEquals([code, stderr], [0, ""]);
        ids.push(await machineId());
        assertMatch(ids.at(-1)!, /^[0-9a-f]{32}$/);
      }
      assertEquals(new Set(ids).size, 3);
      assertEquals(await guest.sh("ls /var/lib/dbus"), "");
    });

    await t.step("or says what the agent may not do", async () => {
      await using agent = await SecondAgent.start(
        guest,
        "nobody",
        ...["--port", "2000"],
      );
      assertMatch(await agent.nextMessage(), /^Listening on vsock port 2000/);
      const before = await machineId();
      const error = await assertRejects(
        () =>
          reseed({ uds, port: 2000 }, {
            entropy: randomBytes(512),
            regenMachineId: true,
          }),
        AgentError,
      );
      assertMatch(
        error.message,
        /^Cannot reseed: add entropy: .*EPERM.*; reseed the generator: .*EPERM.*; regenerate the machine id: /,
      );
      assertEquals(await machineId(), before);
    });
  }),
);
