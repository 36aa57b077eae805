"""Whether the other processes of live operation answer at their ports."""

from typing import Any

import requests

from ich_resources.monitor.settings import Address, ReceiverSettings, Settings

TIMEOUT_S = 10.0
_QUESTION = """
{ workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError { __typename } } } }
  instance { daemonHealth { allDaemonStatuses { required healthy } } } }
"""
_LOCAL = {"Host": "localhost"}  # a name that the webserver's guard takes


def ask_ports(chosen: Settings) -> dict[str, bool]:
    """Return whether each service answers as it should, by its name.

    ``code_server`` and ``daemon`` are missing if only the webserver could say it and does not
    answer.

    Parameters
    ----------
    chosen : Settings
        Which are to be asked.
    """
    found: dict[str, bool] = {}
    if chosen.webserver:
        found |= _webserver(chosen.webserver)
    if chosen.code_server is not None:
        found["code_server"] = _serves(chosen.code_server)
    if chosen.receiver is not None:
        found["receiver"] = _receives(chosen.receiver)
    return found


def _webserver(url: str) -> dict[str, bool]:
    """Return what the webserver says of itself, of the code location and of the daemon."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy: it is here, or beside us
            answer = session.post(
                f"{url}/graphql", json={"query": _QUESTION}, headers=_LOCAL, timeout=TIMEOUT_S
            )
            data: dict[str, Any] = answer.json()["data"]
            entries = data["workspaceOrError"]["locationEntries"]
            daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return {"webserver": False}
    loaded = [(e["locationOrLoadError"] or {}).get("__typename") for e in entries]
    return {
        "webserver": True,
        "code_server": bool(loaded) and set(loaded) == {"RepositoryLocation"},
        "daemon": all(daemon["healthy"] for daemon in daemons if daemon["required"]),
    }


def _serves(address: Address) -> bool:
    """Return whether a code server says that it serves (the health check of gRPC)."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    target = f"{address.host}:{address.port}"
    try:
        with grpc.insecure_channel(target) as channel:
            request = health_pb2.HealthCheckRequest(service="DagsterApi")
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=TIMEOUT_S)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False


def _receives(receiver: ReceiverSettings) -> bool:
    from ich_resources.receiver.health import answers

    host, port = receiver.address.host, receiver.address.port
    try:
        return answers(host, port, receiver.ae_title, receiver.caller, tls=receiver.tls)
    except OSError:
        return False
