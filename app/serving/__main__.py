"""`python -m app.serving`: what `medneg serve` and `medneg ui` become."""

from __future__ import annotations

import signal
import socket
import sys
import webbrowser
from pathlib import Path

from app.serving import logs
from app.serving.settings import Settings

STOP_SECONDS = 10
"""How long a search that runs may take to finish when the service is told to stop."""

_ASSETS = Path(__file__).parents[1] / "assets"
_STREAMLIT = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.enableAgentApi": False,
    "server.maxUploadSize": 1,  # MB; the page takes no files
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "logger.enableRich": False,
    "theme.base": str(_ASSETS / "theme.toml"),
}
"""Streamlit's options: nothing is sent to anybody, no traceback is shown, there is no second API."""


def main() -> int:
    """Serve until told to stop.

    Returns:
        The exit status: 0 after a graceful stop, 1 where it cannot start, 130 where that was interrupted.
    """
    settings = Settings.from_environment()
    logs.install(quiet=settings.quiet)
    from streamlit.web.bootstrap import load_config_options

    from app.serving.application import build, prepare
    from medneg.errors import MednegError

    load_config_options({**_STREAMLIT, "browser.serverAddress": settings.public_host or settings.host})
    try:
        sockets = [_listen(settings)]
        prepare()
    except (MednegError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    _run(build(), settings, sockets)
    return 0


def _listen(settings: Settings) -> socket.socket:
    """Bind before anything slow is done: a port that is taken is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise OSError(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}; "
            "choose another with --port"
        ) from None
    return listening


def _run(app: object, settings: Settings, sockets: list[socket.socket]) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if settings.browser and self.started:
                webbrowser.open(f"http://localhost:{settings.port}/")

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        ws="websockets-sansio",
    )
    # Once it has stopped, uvicorn raises the signal again that stopped it: a graceful stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: None)
    Server(config).run(sockets=sockets)


if __name__ == "__main__":
    sys.exit(main())
