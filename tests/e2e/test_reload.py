"""Changes of files take effect without a signal and without a restart."""

import json
import os
import shutil
import socket
import ssl
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import make_key, wait_for

SERVER = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: []
  metrics_listen: ["127.0.0.1:0"]
  accept_after_term: 0s
{tls}
engines:
  - name: far
    kind: remote
    url: http://127.0.0.1:9/v1
models:
  - name: first
    engine: far
{more}
tenants:
  - name: aurora
    keys:
      - name: app
        secret: file:{secret}
"""


class Server:
    def __init__(self, folder, secret, tls=""):
        self.folder, self.secret, self.tls = folder, secret, tls
        self.config = folder / "sovmesh.yaml"
        self.config.write_text(self.text())
        self.process = support.Process(
            ["serve", "--config", self.config, "--data-dir", folder / "data"],
            folder / "serve.log")

    def text(self, more=""):
        return SERVER.format(tls=self.tls, more=more, secret=self.secret)

    def replace(self, text):
        new = self.folder / "new.yaml"
        new.write_text(text)
        os.rename(new, self.config)

    def models(self, key):
        """Names, or the status of a refusal."""
        request = urllib.request.Request(f"http://{self.process.address}/v1/models",
                                         headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return [model["id"] for model in json.load(answer)["data"]]
        except urllib.error.HTTPError as refused:
            return refused.code

    def metrics(self):
        address = self.process.ready["metrics_listen"][0]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def last_reload_worked(self):
        return "\nconfig_last_reload_success 1" in self.metrics()


@pytest.fixture
def secret(tmp_path):
    """A key in a folder as Kubernetes mounts one: `key` -> ..data/key, `..data` -> a version."""
    folder = tmp_path / "secret"
    folder.mkdir()

    def publish(key):
        version = folder / f"..{key[3:15]}"
        version.mkdir()
        (version / "key").write_text(key)
        (version / "key").chmod(0o600)
        os.symlink(version.name, folder / "..data_tmp")
        os.rename(folder / "..data_tmp", folder / "..data")

    os.symlink("..data/key", folder / "key")
    return folder / "key", publish


def test_the_file_and_its_secrets_are_watched(tmp_path, secret):
    path, publish = secret
    keys = [make_key(), make_key()]
    publish(keys[0])
    server = Server(tmp_path, path)
    try:
        assert server.models(keys[0]) == ["first"]

        server.replace(server.text("  - {name: second, engine: far}"))  # as editors do
        wait_for(lambda: server.models(keys[0]) == ["first", "second"])

        server.config.write_text(server.text("  - {name: third, engine: nowhere}"))
        wait_for(lambda: not server.last_reload_worked())
        assert server.models(keys[0]) == ["first", "second"]
        wait_for(lambda: "names the engine 'nowhere'" in server.process.log.read_text())

        server.config.write_text(server.text())
        wait_for(lambda: server.models(keys[0]) == ["first"])
        assert server.last_reload_worked()

        server.config.write_text(server.text().replace("workers: 1", "workers: 2"))
        wait_for(lambda: "\nconfig_restart_pending 1" in server.metrics())
        wait_for(lambda: "changes of server need a restart" in server.process.log.read_text())
        server.config.write_text(server.text())
        wait_for(lambda: "\nconfig_restart_pending 0" in server.metrics())

        expired = server.text() + "        expires_at: 2020-01-01T00:00:00Z\n"
        server.config.write_text(expired)
        wait_for(lambda: "key 'app' of 'aurora' has expired" in server.process.log.read_text())
        server.config.write_text(server.text())
        wait_for(lambda: server.models(keys[0]) == ["first"])

        publish(keys[1])  # a mounted secret is replaced
        wait_for(lambda: server.models(keys[1]) == ["first"])
        assert server.models(keys[0]) == 401
    finally:
        assert server.process.stop() == 0


def test_a_file_that_is_still_being_written_changes_nothing(tmp_path):
    keys = [make_key(), make_key()]
    for name, key in zip(("first.key", "second.key"), keys):
        (tmp_path / name).write_text(key)
    server = Server(tmp_path, tmp_path / "first.key")
    boreal = ("  - name: boreal\n    keys:\n      - name: app\n"
              f"        secret: file:{tmp_path / 'second.key'}\n")
    log = server.process.log
    try:
        server.config.write_text(server.text() + boreal)
        wait_for(lambda: "config_reload" in log.read_text())
        assert server.models(keys[1]) == ["first"]
        with open(server.config, "w") as half:
            half.write(server.text())  # valid without the second tenant
            half.flush()
            (tmp_path / "unrelated").write_text("x")
            reloads = log.read_text().count("config_reload")
            (tmp_path / "first.key").write_text(keys[0])  # watched: waits for the other
            with pytest.raises(AssertionError):
                wait_for(lambda: log.read_text().count("config_reload") > reloads, seconds=2)
            assert server.models(keys[1]) == ["first"]
            half.write(boreal)
        wait_for(lambda: log.read_text().count("config_reload") > reloads)
        assert server.models(keys[1]) == ["first"]

        server.config.write_text("")
        server.process.child.send_signal(signal.SIGHUP)
        wait_for(lambda: not server.last_reload_worked())
        wait_for(lambda: "the file is empty" in log.read_text())
        assert [server.models(key) for key in keys] == [["first"], ["first"]]

        assert "tenants_removed" not in log.read_text()
        server.config.write_text(server.text())
        wait_for(lambda: server.models(keys[1]) == 401)
        wait_for(lambda: "no longer has boreal" in log.read_text())
    finally:
        assert server.process.stop() == 0


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
                   check=True, capture_output=True)


def shown_certificate(address):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with context.wrap_socket(plain) as peer:
            return peer.getpeercert(binary_form=True)


def test_a_new_certificate_is_shown_once_its_key_is_there(tmp_path):
    for name in ("old", "new"):
        certificate(tmp_path, name)
    crt, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    shutil.copy(tmp_path / "old.crt", crt)
    shutil.copy(tmp_path / "old.key", key)
    secret = tmp_path / "key"
    secret.write_text(make_key())
    server = Server(tmp_path, secret,
                    f"  tls: {{certificate: {crt}, key: {key}}}")
    try:
        address = server.process.address
        old = shown_certificate(address)
        assert old == ssl.PEM_cert_to_DER_cert((tmp_path / "old.crt").read_text())
        shutil.copy(tmp_path / "new.crt", crt)  # does not fit the key yet
        wait_for(lambda: not server.last_reload_worked())
        assert shown_certificate(address) == old
        shutil.copy(tmp_path / "new.key", key)
        wait_for(server.last_reload_worked)
        wait_for(lambda: shown_certificate(address) ==
                 ssl.PEM_cert_to_DER_cert((tmp_path / "new.crt").read_text()))
    finally:
        assert server.process.stop() == 0
