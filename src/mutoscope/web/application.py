"""The application: every route, what stands before it, and the server that runs it.

Owns the order in which a request is judged: who calls, what shape it has, what it asks. Invariant:
one process serves and works, and ends as a whole.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import uvicorn
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import HANDLED_SIGNALS

from mutoscope.app.live import Live
from mutoscope.bootstrap import House
from mutoscope.domain.credits import Refusal
from mutoscope.settings import Settings
from mutoscope.web.api import (
    alerts,
    balances,
    billing,
    board_orders,
    calendars,
    call_backs,
    catalog,
    chat,
    chat_links,
    estimates,
    exports,
    files,
    finance,
    forecasts,
    frames,
    health,
    history,
    invoices,
    jobs,
    ledger,
    live,
    members,
    outputs,
    packs,
    payment_events,
    payment_requests,
    printed,
    projects,
    purchases,
    receipts,
    refills,
    replays,
    scenes,
    sign_ups,
    subscriptions,
    team_credits,
    webhooks,
    workspaces,
)
from mutoscope.web.api.callers import Callers, judge_token, provide_actor
from mutoscope.web.api.shape import StrictRequest, check_shape
from mutoscope.web.desk_routes import DESK_ROUTES
from mutoscope.web.errors import answer_error
from mutoscope.web.heads import Heads
from mutoscope.web.pages.chat import answer_in_page, show_chat
from mutoscope.web.pages.invitation import accept_by_link, show_invitation
from mutoscope.web.pages.pay import show_payment
from mutoscope.web.pages.status import show_status

BODY_MAX: Final = 1_048_576
"""Bytes of a body: a thousand operations, each with a long key."""

BACKLOG: Final = 512
STOP_TIMEOUT_S: Final = 10
"""Seconds in which open requests may end when the server stops."""

ROUTES: Final = (
    catalog.show_catalog,
    sign_ups.sign_up,
    sign_ups.verify_sign_up,
    workspaces.open_workspace,
    workspaces.list_workspaces,
    workspaces.show_workspace,
    workspaces.start_plan,
    subscriptions.show_subscription,
    subscriptions.list_changes,
    calendars.show_calendar,
    subscriptions.order_plan,
    subscriptions.preview_start,
    subscriptions.preview_upgrade,
    subscriptions.upgrade_plan,
    subscriptions.schedule_plan,
    subscriptions.cancel_plan,
    subscriptions.undo_change,
    subscriptions.close_workspace,
    packs.list_packs,
    purchases.list_purchases,
    purchases.order_credits,
    purchases.show_purchase,
    purchases.cancel_purchase,
    purchases.redeem_code,
    refills.show_refill,
    refills.set_refill,
    refills.drop_refill,
    payment_requests.list_payments,
    payment_requests.list_requests,
    payment_requests.show_request,
    payment_requests.check_out,
    show_payment,
    members.list_members,
    members.change_role,
    members.remove_member,
    members.invite_member,
    members.list_invitations,
    members.accept_invitation,
    members.resend_invitation,
    members.withdraw_invitation,
    team_credits.list_caps,
    team_credits.set_cap,
    team_credits.remove_cap,
    team_credits.show_usage,
    team_credits.export_usage,
    billing.show_billing,
    billing.set_billing,
    invoices.list_invoices,
    invoices.show_invoice,
    invoices.print_invoice,
    invoices.print_payment_request,
    balances.show_balances,
    history.list_history,
    ledger.perform_batch,
    estimates.estimate_job,
    projects.create_project,
    projects.list_projects,
    projects.show_board,
    projects.archive_project,
    projects.import_screenplay,
    projects.add_scene,
    projects.add_frame,
    projects.add_part,
    projects.add_part_picture,
    scenes.rename_scene,
    scenes.move_scene,
    scenes.archive_scene,
    board_orders.show_estimate,
    board_orders.make_quote,
    board_orders.place_order,
    board_orders.find_mix,
    board_orders.compare_tools,
    frames.show_frame,
    frames.tell_frame,
    frames.generate_frame,
    frames.edit_frame,
    frames.fine_tune_frame,
    frames.animate_frame,
    frames.regenerate_frame,
    frames.compare_versions,
    frames.choose_version,
    frames.mark_final,
    frames.move_frame,
    frames.upload_version,
    frames.archive_frame,
    jobs.place_job,
    jobs.list_jobs,
    jobs.show_job,
    jobs.cancel_job,
    jobs.regenerate_job,
    receipts.show_receipt,
    receipts.show_orders,
    printed.print_receipt,
    outputs.show_output,
    files.hand_out_asset,
    files.open_link,
    files.bring_picture,
    exports.order_export,
    exports.list_exports,
    exports.show_export,
    exports.cancel_export,
    finance.show_outstanding,
    finance.show_deferred,
    finance.show_month,
    finance.list_debts,
    finance.write_books,
    replays.replay_rate_card,
    chat.open_thread,
    chat.list_threads,
    chat.list_messages,
    chat.say_in_thread,
    chat.ask_question,
    chat.read_thread,
    live.follow_workspace,
    chat_links.show_chat_link,
    chat_links.answer_by_link,
    chat_links.show_calendar,
    call_backs.hear_provider,
    payment_events.hear_gateway,
    forecasts.show_forecast,
    forecasts.show_advice,
    alerts.list_alerts,
    alerts.read_alert,
    alerts.read_alerts,
    alerts.show_preferences,
    alerts.write_preference,
    webhooks.add_webhook,
    webhooks.list_webhooks,
    webhooks.change_webhook,
    webhooks.remove_webhook,
    webhooks.rotate_webhook,
    webhooks.list_deliveries,
    webhooks.replay_delivery,
    *DESK_ROUTES,
)

Work = Callable[[House], Awaitable[None]]


class PortInUse(Refusal):
    """An address on which the server cannot listen."""

    code = "port_in_use"

    def __init__(self, *, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"the API cannot listen on {host}:{port} ({reason}): stop what listens there, or set "
            "MUTOSCOPE_HOST and MUTOSCOPE_PORT"
        )
        self.host = host
        self.port = port


def build_app(*, house: House, api_key: str) -> ASGIApp:
    """Return the application of a house; an empty key lets in callers of this machine alone."""
    return Heads(Callers(app=_OfHouse(house), api_key=api_key))


class _OfHouse:
    """Answers for one house: what its requests share goes with each of them."""

    def __init__(self, house: House) -> None:
        self.shared: Final = {
            "house": house, "openings": ledger.Openings(), "replaying": asyncio.Lock(),
            "renewing": asyncio.Lock(),
        }  # fmt: skip
        self._routes = _routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope["state"] = dict(self.shared)
        await self._routes(scope, receive, send)


@cache
def _routes() -> Litestar:
    """Return the routes, built once a process since that takes long: a request brings its house."""
    return Litestar(
        route_handlers=[
            Router("/v1", route_handlers=ROUTES),
            health.check_health,
            health.check_readiness,
            show_openapi,
            show_status,
            show_invitation,
            accept_by_link,
            show_chat,
            answer_in_page,
        ],
        dependencies={
            "house": Provide(_house_of, sync_to_thread=False),
            "actor": Provide(provide_actor),
        },
        guards=[judge_token, check_shape],
        exception_handlers={Exception: answer_error},
        openapi_config=_openapi(),
        request_class=StrictRequest,
        request_max_body_size=BODY_MAX,
        logging_config=None,  # the command that serves owns the log
    )


def _house_of(scope: Scope) -> House:
    house: House = scope["state"]["house"]
    return house


@get("/openapi.json", include_in_schema=False)
async def show_openapi(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Return the description of the API."""
    return Response(request.app.openapi_schema.to_schema(), media_type=MediaType.JSON)


async def serve(
    *, house: House, settings: Settings, work: Work, ready: Callable[[str], None]
) -> None:
    """Serve the API and work beside it, in one process, until told to stop.

    `ready` is told the address once requests are answered there.

    :raises PortInUse: when the address cannot be listened on.
    """
    listener = listening(host=settings.host, port=settings.port)
    config = uvicorn.Config(
        build_app(house=house, api_key=settings.api_key), log_config=None, access_log=False,
        lifespan="off", proxy_headers=False, server_header=False,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )  # fmt: skip
    working = asyncio.ensure_future(work(house))
    server = _Server(config, live=house.live, ready=ready)
    try:
        await server.serve(sockets=[listener])
    finally:
        server.stop_listening()
        listener.close()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


class _Server(uvicorn.Server):
    """A server that does not wait for live streams when it stops: they would never end.

    Asked to stop, it ends and returns; uvicorn's own would kill the process then, with its house
    still open.
    """

    def __init__(self, config: uvicorn.Config, *, live: Live, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._live = live
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop when the process is asked to, and at once when it is asked again."""
        loop = asyncio.get_running_loop()
        for number in HANDLED_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in HANDLED_SIGNALS:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for each in sockets or ():
            host, port = each.getsockname()[:2]
            self._ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._live.end()
        await super().shutdown(sockets)

    def stop_listening(self) -> None:
        """Let go of the sockets, also when it was cancelled before it could shut down."""
        for each in getattr(self, "servers", ()):
            each.close()


def listening(*, host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    :raises PortInUse: when it cannot.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortInUse(host=host, port=port, reason=error.strerror or str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortInUse(host=host, port=port, reason=error.strerror or str(error)) from error
    return listener


def _openapi() -> OpenAPIConfig:
    bearer = SecurityScheme(type="http", scheme="bearer", description="MUTOSCOPE_API_KEY")
    return OpenAPIConfig(
        title="Mutoscope", version="1", path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes={"key": bearer}),
        security=[{}, {"key": []}],
    )  # fmt: skip
