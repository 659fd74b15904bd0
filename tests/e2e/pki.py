"""Authorities, what they issue and what they revoke."""

import os
import subprocess

CONFIG = """
[ca]
default_ca = a
[a]
dir = {folder}
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
countryName = optional
commonName = optional
"""


def _openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60)


class Authority:
    """A root in a folder of its own; paths are those of files in it."""

    def __init__(self, folder, name="root"):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o755)
        self.pem, self.key = self.path("ca.pem"), self.path("ca.key")
        self.config = self.path("ca.cnf")
        with open(self.config, "w", encoding="ascii") as f:
            f.write(CONFIG.format(folder=self.folder))
        with open(self.path("index"), "w", encoding="ascii"):
            pass
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "30", "-subj", f"/C=US/CN={name}",
                 "-keyout", self.key, "-out", self.pem)

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, *extensions, ended=False):
        """Paths of a certificate and its key; `ended`: since yesterday."""
        pem, key, csr = (self.path(name + end) for end in (".pem", ".key", ".csr"))
        more = [word for e in extensions for word in ("-addext", e)]
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", f"/C=US/CN={name}", "-keyout", key, "-out", csr, *more)
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
        _openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.pem,
                 "-keyfile", self.key, "-in", csr, "-out", pem,
                 *(dates if ended else ["-days", "10"]))
        return pem, key

    def revoke(self, pem):
        _openssl("ca", "-config", self.config, "-cert", self.pem, "-keyfile", self.key,
                 "-revoke", pem)

    def crl(self):
        """Path of a list of what was revoked so far."""
        out = self.path("list.crl")
        _openssl("ca", "-gencrl", "-crldays", "10", "-config", self.config,
                 "-cert", self.pem, "-keyfile", self.key, "-out", out)
        return out
