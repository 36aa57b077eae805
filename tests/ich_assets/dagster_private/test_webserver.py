"""The webserver, ``dagster dev``, and what both are asked."""

import asyncio
import inspect
import re
import sys

import pytest
from dagster._grpc.client import DagsterGrpcClient
from dagster_graphql.schema import create_schema
from graphql import GraphQLSchema, parse, validate
from live import free_port

from ich_assets.runtime.web import reloading
from ich_resources.monitor import ports


def test_the_webserver_takes_its_application_from_one_function():
    """``runtime/web/server.py`` replaces it by one that puts the guard around it."""
    from dagster_webserver import cli

    name = "create_app_from_workspace_process_context"
    hosting = inspect.getsource(cli.host_dagster_ui_with_workspace_process_context)
    assert re.search(rf"\bapp = {name}\(\s*workspace_process_context, path_prefix,", hosting)
    assert re.search(r"uvicorn\.run\(\s*app,", hosting)
    parameters = list(inspect.signature(getattr(cli, name)).parameters)
    assert parameters[:2] == ["workspace_process_context", "path_prefix"]


def test_the_children_of_dagster_dev():
    """``runtime/web/server.py`` starts the guarded webserver in place of the first."""
    from dagster._cli import dev

    source = inspect.getsource(dev.dev_command_impl)
    assert source.count("open_ipc_subprocess(") == 2
    assert '[sys.executable, "-m", "dagster_webserver"]' in source
    assert re.search(r'sys\.executable,\s*"-m",\s*"dagster\._daemon",', source)
    assert "Popen" not in inspect.getsource(dev)
    names = {parameter.name for parameter in dev.dev_command.params}
    assert {"host", "port"} <= names


def test_the_ways_into_the_webserver():
    """``runtime/web/rules.py`` lets POST and WebSockets through to GraphQL alone."""
    from dagster_webserver.webserver import DagsterWebserver

    source = inspect.getsource(DagsterWebserver.build_routes)
    assert source.count('methods=["POST"]') == source.count('"/report_asset_') == 3
    assert source.count('methods=["GET", "POST"]') == source.count("graphql_http_endpoint") == 1
    assert source.count("WebSocketRoute(") == 1


def test_the_webserver_says_that_it_is_one():
    """``ich_resources/machine.py`` looks for the name of its version."""
    from dagster_webserver.webserver import DagsterWebserver

    routes = inspect.getsource(DagsterWebserver.build_routes)
    assert 'Route("/server_info", self.webserver_info_endpoint)' in routes
    answer = asyncio.run(DagsterWebserver.webserver_info_endpoint(None, None))
    assert b'"dagster_webserver_version":' in answer.body


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """What Dagster's GraphQL knows."""
    return create_schema().graphql_schema


QUERIES = {
    "runtime/web/reloading.py: the state": reloading._STATE,
    "runtime/web/reloading.py: a reload": reloading._RELOAD,
    "monitor/ports.py": ports._QUESTION,
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_schema_has_every_field_that_is_asked_for(schema, query):
    assert validate(schema, parse(query)) == []
    assert validate(schema, parse(query.replace("ocation", "other"))), "the test could not fail"


def test_the_kinds_of_a_code_location(schema):
    """``monitor/ports.py`` compares the kind of a location with the name of the first."""
    kinds = schema.get_possible_types(schema.get_type("RepositoryLocationOrLoadError"))
    assert {kind.name for kind in kinds} == {"RepositoryLocation", "PythonError"}


def test_the_error_of_a_code_server_that_is_away():
    """``runtime/web/reloading.py`` looks for its name in the message."""
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._utils.error import serializable_error_info_from_exc_info

    with pytest.raises(DagsterUserCodeUnreachableError):
        DagsterGrpcClient(host="127.0.0.1", port=free_port()).ping("")
    try:
        raise DagsterUserCodeUnreachableError("text")
    except DagsterUserCodeUnreachableError:
        message = serializable_error_info_from_exc_info(sys.exc_info()).message
    assert message == f"dagster._core.errors.{reloading._UNREACHABLE}: text\n"


def test_the_service_of_a_code_server():
    """``monitor/ports.py`` asks for its health under this name."""
    from dagster._grpc.server import DagsterGrpcServer

    source = inspect.getsource(DagsterGrpcServer.serve)
    assert '.set("DagsterApi", health_pb2.HealthCheckResponse.SERVING)' in source
