"""Campaigns and the opt-out list: shown and changed."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from reference_sender.api.answers import ApiError, json_answer
from reference_sender.api.bodies import read_message
from reference_sender.api.handlers import OPT_OUT_PATH, Handler
from reference_sender.api.health import RETRY_STORE_S, wait_until_kept
from reference_sender.api.intake import checked_number, explained
from reference_sender.api.queries import Queries, UnreadError, instant
from reference_sender.api.query_strings import fields_of, filter_of, limit_of
from reference_sender.api.rules import IntakeRules, cancelled
from reference_sender.api.wait_reasons import shown_holding
from reference_sender.clock import now_ns
from reference_sender.dispatch.campaign_figures import UNIT
from reference_sender.dispatch.values import FINAL_STATES, State
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.holding import why_campaign_held
from reference_sender.runtime.campaign_change import wait_until_applied
from reference_sender.runtime.driver import Driver

_MOST_NUMBERS = 1_000
_APPLIED_WITHIN_S = 5.0  # then the answer has the counts so far
_Body = TypeVar("_Body", bound=Struct)


class ResumeRequest(Struct, forbid_unknown_fields=True):
    """The body of a resume; it may be empty."""

    spending_limit: float | None = None


class NoFields(Struct, forbid_unknown_fields=True):
    """The body of a pause or cancel, if there is any."""


class OptOutRequest(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/opt-outs``."""

    numbers: Annotated[list[str], Meta(min_length=1, max_length=_MOST_NUMBERS)]


class CampaignControls:
    """The handlers of these paths."""

    def __init__(self, driver: Driver, queries: Queries, rules: IntakeRules, patience_s: float) -> None:
        self._driver = driver
        self._queries = queries
        self._rules = rules
        self._patience_s = patience_s

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """By method and path."""
        return {
            ("GET", "/v1/campaigns/"): self._get,
            ("POST", "/v1/campaigns/{id}/pause"): self._pause,
            ("POST", "/v1/campaigns/{id}/resume"): self._resume,
            ("POST", "/v1/campaigns/{id}/cancel"): self._cancel,
            ("GET", "/v1/opt-outs"): self._list_opt_outs,
            ("POST", "/v1/opt-outs"): self._opt_out,
            ("DELETE", OPT_OUT_PATH): self._opt_in,
        }

    async def _get(self, _: web.BaseRequest, name: str) -> web.Response:
        return json_answer(await self._shown(name))

    async def _pause(self, request: web.BaseRequest, name: str) -> web.Response:
        return await self._change(request, name, CampaignState.PAUSED)

    async def _resume(self, request: web.BaseRequest, name: str) -> web.Response:
        return await self._change(request, name, CampaignState.RUNNING)

    async def _cancel(self, request: web.BaseRequest, name: str) -> web.Response:
        return await self._change(request, name, CampaignState.CANCELLED)

    async def _change(self, request: web.BaseRequest, name: str, state: CampaignState) -> web.Response:
        body = await read_message(request, self._patience_s)
        limit = None
        if body and state is CampaignState.RUNNING:
            limit = self._rules.limit(read_body(body, ResumeRequest).spending_limit)
        elif body:
            read_body(body, NoFields)
        # The store, which may fail, is asked only if this process does not know the campaign.
        if self._driver.gate.campaign(name) is None and not self._driver.campaigns.knows(name):
            await self._check_exists(name)
        # Read again: it may have changed during the query.
        known = self._driver.gate.campaign(name)
        if known is not None and known.state is CampaignState.CANCELLED and state is not known.state:
            raise cancelled(name)
        await wait_until_kept(self._driver, self._driver.change_campaign(CampaignChange(name, state, limit)))
        await wait_until_applied(self._driver, name, _APPLIED_WITHIN_S)
        shown = await self._shown(name)
        if shown["state"] == CampaignState.CANCELLED.value and state is not CampaignState.CANCELLED:
            raise cancelled(name)  # at another node, of which this one did not know
        return json_answer(shown)

    async def _check_exists(self, name: str) -> None:
        try:
            counts = await self._queries.campaign(name)
        except UnreadError as error:
            text = (
                f"the store cannot be read: {error}. This process has no message of campaign {name}, so the "
                "change is not in force: send the same request again"
            )
            raise ApiError(503, "store_failed", text, retry_after_s=RETRY_STORE_S) from error
        if not counts:
            raise ApiError(404, "not_found", f"there is no campaign {name}")

    async def _shown(self, name: str) -> dict[str, Any]:
        gate = self._driver.gate
        counts = await self._queries.campaign(name)
        campaign = await self._queries.controls(name)
        if campaign is None:
            if not counts:
                raise ApiError(404, "not_found", f"there is no campaign {name}")
            campaign = Campaign(name)
        has_ended = (
            campaign.state is CampaignState.RUNNING and not counts.keys() - FINAL_STATES and bool(counts)
        )
        limit = campaign.spending_limit
        held = gate.held(name)
        holding = why_campaign_held(gate, now_ns(), name)
        return {
            "id": name,
            "state": "ended" if has_ended else campaign.state.value,
            "messages": sum(counts.values()),
            "states": {s.value: counts.get(s, 0) for s in State if s is not State.SUBMITTING},
            "held": {"total": held.total, "over_limit": held.over_limit} | shown_holding(holding),
            "reserved": None if gate.spending is None else await self._queries.spent(name) / UNIT,
            "spending_limit": None if limit is None else limit / UNIT,
        }

    async def _opt_out(self, request: web.BaseRequest, _: str) -> web.Response:
        wanted = read_body(await read_message(request, self._patience_s), OptOutRequest)
        numbers = [checked_number(each, "numbers", place) for place, each in enumerate(wanted.numbers)]
        await wait_until_kept(self._driver, self._driver.opt_out(numbers))
        return json_answer({"opted_out": len(set(numbers))})

    async def _opt_in(self, _: web.BaseRequest, number: str) -> web.Response:
        accepts = checked_number(unquote(number), "number")
        await wait_until_kept(self._driver, self._driver.opt_in([accepts]))
        return web.Response(status=204)

    async def _list_opt_outs(self, request: web.BaseRequest, _: str) -> web.Response:
        fields = fields_of(request.raw_path.partition("?")[2], {"after", "limit"})
        limit = limit_of(fields, 1_000)
        after = filter_of("after", fields.get("after")) or ""
        if after:
            after = checked_number(after, "after")
        found = await self._queries.opt_outs(after, limit)
        shown = [{"number": each.number, "since": instant(each.since_ns)} for each in found]
        return json_answer({"opt_outs": shown, "next": found[-1].number if len(found) == limit else None})


def read_body(body: bytes, kind: type[_Body]) -> _Body:
    """Raises ``Invalid``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise explained(error, kind) from error
