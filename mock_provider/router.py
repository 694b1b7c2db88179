"""Which part of the provider answers an HTTP request: a protocol, the admin API or the page."""

from __future__ import annotations

import time

from mock_provider.http.connection import RespondHttp
from mock_provider.http.hosts import AllowedHosts
from mock_provider.http.messages import HttpRequest, HttpResponse, plain_error
from mock_provider.inbox.admin import METRICS_PATH, Admin
from mock_provider.inbox.events import json_bytes
from mock_provider.inbox.pages import load_pages
from mock_provider.protocols.actions import RefusalText
from mock_provider.runtime.provider import ProviderRuntime

_NOT_FOUND = RefusalText("http_404", "Not found")


class RequestRouter:
    """The application of the HTTP server. ``hosts`` are those of the admin API and the page."""

    def __init__(self, provider: ProviderRuntime, admin: Admin, hosts: AllowedHosts) -> None:
        self._provider = provider
        self._admin = admin
        self._hosts = hosts
        self._pages = load_pages()

    def handle(self, request: HttpRequest, respond: RespondHttp, backup_host: bool = False) -> int | None:
        path = request.path
        protocol = self._provider.protocols.at(path)
        if protocol is not None:
            return self._provider.ask(protocol, request, respond, backup_host)
        page = self._pages.get(path) if request.method in ("GET", "HEAD") else None
        admin = path.startswith("/admin/") or path == METRICS_PATH
        if (admin or page is not None) and not self._hosts.allows(request.host):
            respond(_foreign_host(request.host))
            return None
        if admin:
            self._admin.handle(request, respond)
            return None
        if page is None:
            page = plain_error(404, _NOT_FOUND.text)
            self._provider.refusals.of_request(time.monotonic_ns(), request, page, _NOT_FOUND)
        respond(page)
        return None

    def abandon(self, number: int) -> None:
        self._provider.driver.forget(number)


class SecondHost:
    """The same provider at its backup address (SMSAPI's api2). An outage of the first host need not affect
    it.
    """

    def __init__(self, router: RequestRouter) -> None:
        self._router = router

    def handle(self, request: HttpRequest, respond: RespondHttp) -> int | None:
        return self._router.handle(request, respond, backup_host=True)

    def abandon(self, number: int) -> None:
        self._router.abandon(number)


def _foreign_host(host: str) -> HttpResponse:
    name = host.rpartition(":")[0] or host
    reason = f"the host name {host} is not allowed: start the provider with --allow-host {name}"
    return HttpResponse(403, json_bytes({"errors": [reason]}))
