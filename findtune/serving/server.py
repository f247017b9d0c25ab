"""Running the application: one process, no access log, and a shutdown that loses no request."""

import logging
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from findtune.serving.connections import TimedProtocol
from findtune.serving.ports import open_sockets

SECONDS_TO_END = 30  # for running requests to finish at shutdown
KEEP_ALIVE = 30  # seconds that an idle connection stays open


def log_to_stderr() -> None:
    """Log the server at INFO, but libraries at WARNING, since they may log texts."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger().handlers[0].setLevel(logging.INFO)  # one library logs at DEBUG by itself
    for name in ("uvicorn", "findtune"):
        logging.getLogger(name).setLevel(logging.INFO)


def run_server(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then take no more requests, and finish the running ones.

    There is no access log: a mistaken URL of a client may hold a user's question. Raises InputError
    if the port is taken.
    """
    sockets = open_sockets(host, port)  # another server may have started since models were loaded
    log_to_stderr()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=TimedProtocol,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    with suppress(KeyboardInterrupt):  # uvicorn repeats it after the shutdown that it asked for
        uvicorn.Server(config).run(sockets)
