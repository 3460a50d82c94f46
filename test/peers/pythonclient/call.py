"""Calls a gateway with OpenShell's own client, and prints the answers as JSON.

The arguments are the gateway's HOST:PORT and a directory with ca.crt and, if the client has a certificate, tls.crt and tls.key.
"""

import json
import pathlib
import sys

import grpc
from openshell import SandboxClient, TlsConfig


def main() -> None:
    endpoint, files = sys.argv[1], pathlib.Path(sys.argv[2])
    tls = TlsConfig(ca_path=files / "ca.crt")
    if (files / "tls.crt").exists():
        tls = TlsConfig(ca_path=files / "ca.crt", cert_path=files / "tls.crt", key_path=files / "tls.key")
    with SandboxClient(endpoint, tls=tls, timeout=10) as client:
        health = client.health()
        answer = {"status": health.status, "version": health.version, "list": "OK"}
        try:
            client.list_all(workspace="default")
        except grpc.RpcError as error:
            answer["list"] = error.code().name
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
