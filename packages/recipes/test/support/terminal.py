"""Runs a command in a terminal of its own, does something to it when its output matches, and says as JSON how it ended.

terminal.py SPEC, a JSON object: command (a list), at (a regular expression, or null), then (text that is typed, or a number: the
signal that the command alone gets), again (milliseconds after which that is done once more, or null), columns.
"""
import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time

spec = json.loads(sys.argv[1])
child, terminal = pty.fork()
if child == 0:
    os.execvp(spec["command"][0], spec["command"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, spec.get("columns", 80), 0, 0))


def act():
    if isinstance(spec["then"], str):
        os.write(terminal, spec["then"].encode())
    else:
        os.kill(child, spec["then"])


def session():
    """The living processes of the terminal."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            if int(fields[3]) == child and fields[0] not in "ZX":
                found.append(int(pid))
        except OSError:
            pass
    return found


output, acted, status, doing = b"", None, None, []
while status is None or select.select([terminal], [], [], 0)[0]:
    if select.select([terminal], [], [], 0.05)[0]:
        try:
            output += os.read(terminal, 65536)
        except OSError:
            if status is not None:
                break
            time.sleep(0.02)
    if spec.get("at") and acted is None and re.search(spec["at"].encode(), output):
        act()
        acted = time.monotonic()
        doing.append(acted)
    if acted and spec.get("again") and len(doing) == 1 and time.monotonic() - acted > spec["again"] / 1000:
        act()
        doing.append(time.monotonic())
    if status is None:
        pid, raw = os.waitpid(child, os.WNOHANG)
        status = raw if pid else None
ended = time.monotonic()
# What is saving its state may take a moment.
while session() and time.monotonic() - ended < 5:
    time.sleep(0.02)
gone = time.monotonic()
left = session()
while select.select([terminal], [], [], 0)[0]:
    try:
        output += os.read(terminal, 65536)
    except OSError:
        break
for pid in left:
    os.kill(pid, signal.SIGKILL)
print(json.dumps({
    "code": os.waitstatus_to_exitcode(status),
    "output": output.decode(errors="replace"),
    "seconds": gone - acted if acted else None,
    "left": len(left),
}))
