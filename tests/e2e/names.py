"""A small DNS server: A and AAAA records that a scene may change at any time.

It listens on port 53, where the system's resolver looks, of a loopback address
of its own. `under` is what a program is started with so that it asks here.
"""

import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

TYPES = {1: socket.AF_INET, 28: socket.AF_INET6}
HIDE = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


class Names:
    def __init__(self, records=()):
        self.records = dict(records)  # name to addresses of both families
        self.asked = 0
        self.delay = 0  # seconds before each answer
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        address = self._bind()
        self.dir = tempfile.mkdtemp(prefix="weir-e2e-names-")
        path = os.path.join(self.dir, "resolv.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"nameserver {address}\noptions timeout:1 attempts:3\n")
        self.under = ["unshare", "-m", "sh", "-c", HIDE, path]
        try:
            done = subprocess.run([*self.under, "true"], capture_output=True, timeout=10,
                                  check=False)
        except FileNotFoundError:
            done = None
        if not done or done.returncode:
            self.stop()
            raise unittest.SkipTest("no mount namespace for a resolv.conf of our own")
        threading.Thread(target=self._serve, daemon=True).start()

    def _bind(self):
        for _ in range(20):
            address = "127.%d.%d.%d" % tuple(random.randrange(1, 255) for _ in range(3))
            try:
                self.sock.bind((address, 53))
                return address
            except PermissionError as e:
                self.sock.close()
                raise unittest.SkipTest("port 53 is for root") from e
            except OSError:
                continue
        raise unittest.SkipTest("no loopback address has its port 53 free")

    def _serve(self):
        while True:
            try:
                question, peer = self.sock.recvfrom(512)
                if not question:
                    return
                time.sleep(self.delay)
                self.sock.sendto(self._answer(question), peer)
            except OSError:
                return

    def _answer(self, question):
        """RFC 1035, section 4: the question comes back, answers point to its name."""
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += question[at] + 1
        kind, = struct.unpack("!H", question[at + 1:at + 3])
        family = TYPES.get(kind)
        found = [socket.inet_pton(family, a)
                 for a in self.records.get(".".join(labels).lower(), ())
                 if family and (":" in a) == (family == socket.AF_INET6)]
        self.asked += 1
        head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0)
        # A second is the shortest that weir keeps an answer for.
        return head + question[12:at + 5] + b"".join(
            struct.pack("!HHHIH", 0xc00c, kind, 1, 1, len(a)) + a for a in found)

    def stop(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread
        except OSError:
            pass
        self.sock.close()
        shutil.rmtree(self.dir, ignore_errors=True)
