# SPDX-License-Identifier: BSD-3-Clause
"""send and receive: over a UNIX socket, over TCP, over a descriptor; whoever listens."""
import json
import os
import socket
import subprocess

from command import SMALL, check, finish, listens, path, run, start, wait_for

# The receiver listens.
receiver = start("receive", SMALL, "--memory", "1M", "--listen", "unix:" + path("s"))
wait_for(lambda: listens("s"), receiver)
ran = run("send", SMALL, "--memory", "1M", "--connect", "unix:" + path("s"))
check("downtime" in ran.out, ran.text())
check(receiver.wait(300) == 0, receiver.returncode)
check(not os.path.exists(path("s")))

# The sender does; on a port that the system chose, and that is told.
sender = start("send", SMALL, "--listen", "tcp:127.0.0.1:0", "--json", stdout=subprocess.PIPE)
port = json.loads(sender.stdout.readline())["port"]
run("receive", SMALL, "--connect", "tcp:127.0.0.1:" + port)
sender.stdout.read()
check(sender.wait(300) == 0, sender.returncode)

# A descriptor that was inherited.
a, b = socket.socketpair()
receiver = start("receive", SMALL, "--listen", f"fd:{a.fileno()}", pass_fds=[a.fileno()])
a.close()
run("send", SMALL, "--connect", f"fd:{b.fileno()}", pass_fds=[b.fileno()])
check(receiver.wait(300) == 0, receiver.returncode)
b.close()

# Nobody there; somebody who speaks something else; somebody who goes at once; one who fits not.
ran = run("send", SMALL, "--connect", "unix:" + path("nobody"), code=1)
check(path("nobody") in ran.err, ran.text())
for words in (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10, b""):
    a, b = socket.socketpair()
    a.sendall(words)
    a.shutdown(socket.SHUT_WR)
    run("send", SMALL, "--connect", f"fd:{b.fileno()}", pass_fds=[b.fileno()], code=1)
    a.close()
    b.close()
    a, b = socket.socketpair()
    a.sendall(words)
    a.shutdown(socket.SHUT_WR)
    run("receive", SMALL, "--connect", f"fd:{b.fileno()}", pass_fds=[b.fileno()], code=1)
    a.close()
    b.close()
receiver = start("receive", "model:copier,size=2M", "--listen", path("s"), stderr=subprocess.PIPE)
wait_for(lambda: listens("s"), receiver)
run("send", SMALL, "--connect", path("s"), code=1)
check(receiver.wait(300) == 1, receiver.returncode)
receiver.stderr.close()
finish()
