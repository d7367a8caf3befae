"""The cluster's CA certificate, from the ConfigMap that every namespace has."""

from __future__ import annotations

import ssl
from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import PreflightError

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json

PATH = "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt"
_END = "-----END CERTIFICATE-----"


def ca_hash(config_map: Json) -> str:
    """`sha256:…` of the first certificate's DER form: white space and further certificates do not matter."""
    try:
        pem = config_map["data"]["ca.crt"]
        return f"sha256:{sha256(ssl.PEM_cert_to_DER_cert(pem[: pem.index(_END)].strip() + chr(10) + _END)).hexdigest()}"
    except (KeyError, TypeError, ValueError) as error:
        raise PreflightError(
            f"reading the CA certificate in the ConfigMap kube-system/kube-root-ca.crt: {error}",
            "kube-controller-manager publishes it: look at its logs",
        ) from error
