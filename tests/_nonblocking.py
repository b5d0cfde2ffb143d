"""Runs a program with one of its outputs on a descriptor that is non-blocking and
full, reads it when the program waits or has ended, and prints as JSON how much came
and how the program ended.

Usage: _nonblocking.py pipe|socket|terminal stdout|stderr PROGRAM ARGUMENT…
"""

import fcntl, json, os, pty, socket, subprocess, sys, time, tty

kind, name, *argv = sys.argv[1:]
if kind == "pipe":
    reader, writer = os.pipe()
elif kind == "socket":
    reader, writer = (end.detach() for end in socket.socketpair())
else:
    reader, writer = pty.openpty()
    tty.setraw(writer)

before = os.get_blocking(writer)
os.set_blocking(writer, False)
filled = 0
try:
    while True:
        filled += os.write(writer, b"." * 4096)
except BlockingIOError:
    pass
flags = fcntl.fcntl(writer, fcntl.F_GETFL)

other = {"stdout": "stderr", "stderr": "stdout"}[name]
program = subprocess.Popen(
    argv, stdin=subprocess.DEVNULL, **{name: writer, other: subprocess.PIPE}
)


def ticks():
    with open(f"/proc/{program.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return fields[0], fields[11], fields[12]


# A program that waits takes no time, which is looked at for a second and more.
quiet = 0
last = ticks()
while quiet < 12 and program.poll() is None:
    time.sleep(0.1)
    now = ticks()
    quiet = quiet + 1 if now == last else 0
    last = now

kept = fcntl.fcntl(writer, fcntl.F_GETFL) == flags
os.close(writer)
count = 0
tail = b""
while True:
    try:
        chunk = os.read(reader, 65536)
    except OSError:
        break
    if not chunk:
        break
    count += len(chunk)
    tail = (tail + chunk)[-10000:]
rest = getattr(program, other).read().decode()
print(json.dumps({
    "code": program.wait(),
    "count": count - filled,
    "tail": tail.decode().lstrip("."),
    "other": rest,
    "kept": kept,
}))
