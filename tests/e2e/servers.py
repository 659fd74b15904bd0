"""Servers that people have, as targets: each writes down what it was asked.

A kind starts one process in a folder and writes a line for each request that
it saw: METHOD TARGET CONTENT-LENGTH X-FORWARDED-FOR, and the octets of the
body where it can count them. A kind that is not installed here has no way to
start, and says so in `missing`.
"""

import os
import shutil
import socket
import subprocess
import sys

MODULES = "/usr/lib/apache2/modules"

PYTHON = r'''
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = self.headers.get("Content-Length", "-")
        body = self.rfile.read(int(length)) if length != "-" else b""
        with open("seen", "a") as f:
            f.write(f"{self.command} {self.path} {length} "
                    f"{self.headers.get('X-Forwarded-For', '-')} {len(body)}\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''

WSGI = r'''
def app(env, start):
    body = env["wsgi.input"].read()
    with open("seen", "a") as f:
        f.write(f"{env['REQUEST_METHOD']} {env['RAW_URI']} {env.get('CONTENT_LENGTH', '-')} "
                f"{env.get('HTTP_X_FORWARDED_FOR', '-')} {len(body)}\n")
    start("200 OK", [("Content-Length", "0")])
    return []
'''

NODE = r'''
const fs = require("fs");
require("http").createServer((q, a) => {
  let n = 0;
  q.on("data", d => { n += d.length; });
  q.on("end", () => {
    fs.appendFileSync("seen", `${q.method} ${q.url} ${q.headers["content-length"] || "-"} ` +
        `${q.headers["x-forwarded-for"] || "-"} ${n}\n`);
    a.setHeader("Content-Length", 0);
    a.end();
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
'''

NGINX = """
daemon off;
master_process off;
pid {dir}/pid;
error_log {dir}/errors;
events {{ worker_connections 64; }}
http {{
	log_format seen '$request_method $request_uri $content_length $http_x_forwarded_for';
	access_log {dir}/seen seen;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}
}}
"""

APACHE = """
ServerRoot {dir}
ServerName localhost
DefaultRuntimeDir {dir}
PidFile {dir}/pid
ErrorLog {dir}/errors
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 2
MaxSpareThreads 8
KeepAlive On
DocumentRoot {dir}/www
{user}
LogFormat "%m %U%q %{{Content-Length}}i %{{X-Forwarded-For}}i" seen
CustomLog {dir}/seen seen
"""


def _program(*names):
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    return None


def _write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    return path


def _python(folder, port):
    return [sys.executable, _write(folder, "server.py", PYTHON), str(port)]


def _gunicorn(folder, port):
    _write(folder, "seen_app.py", WSGI)
    return [_program("gunicorn", "gunicorn3"), "--bind", f"127.0.0.1:{port}",
            "--worker-class", "gthread", "--threads", "4", "--keep-alive", "30",
            "--worker-tmp-dir", folder, "seen_app:app"]


def _node(folder, port):
    return [_program("node", "nodejs"), _write(folder, "server.js", NODE), str(port)]


def _nginx(folder, port):
    conf = _write(folder, "conf", NGINX.format(dir=folder, port=port))
    return [_program("nginx"), "-p", folder, "-c", conf, "-e",
            os.path.join(folder, "errors")]


def _apache(folder, port):
    os.mkdir(os.path.join(folder, "www"))
    _write(folder, "www/page", "page\n")
    user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    conf = _write(folder, "conf", APACHE.format(dir=folder, port=port, user=user,
                                                modules=MODULES))
    return [_program("apache2", "httpd"), "-D", "FOREGROUND", "-f", conf]


def _has_apache():
    return _program("apache2", "httpd") and os.path.isdir(MODULES)


# A kind: how it is started, and whether it can be here.
KINDS = {
    "http.server": (_python, lambda: True),
    "gunicorn": (_gunicorn, lambda: _program("gunicorn", "gunicorn3")),
    "node": (_node, lambda: _program("node", "nodejs")),
    "nginx": (_nginx, lambda: _program("nginx")),
    "apache2": (_apache, _has_apache),
}


def missing(kind):
    """Why there is no such server here; None: there is one."""
    return None if KINDS[kind][1]() else f"no {kind} here"


class Server:
    """A process of one kind. What it has seen is complete once it is over."""

    def __init__(self, kind, folder, port):
        self.folder = folder
        self.port = port
        with open(os.path.join(folder, "output"), "wb") as output:
            self.process = subprocess.Popen(
                KINDS[kind][0](folder, port), cwd=folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output)

    def __str__(self):
        return f"127.0.0.1:{self.port}"

    def is_up(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "output"), encoding="utf-8",
                      errors="replace") as f:
                raise AssertionError(f"the server ended:\n{f.read()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def seen(self):
        try:
            with open(os.path.join(self.folder, "seen"), encoding="latin-1") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []
