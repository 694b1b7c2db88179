"""A provider in the storm: its engine, its process, which may be killed, and the network to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial

from msgspec import Struct
from msgspec.structs import replace

from loadtests.simulate.exchange import Render
from loadtests.storm.draws import chance
from loadtests.storm.faults import network
from loadtests.storm.plan_parts import FLOOD_WINDOW_S, RoutePlan
from loadtests.storm.process import StormProcess
from loadtests.storm.sender import StormSender
from loadtests.storm.state import LinkTrouble, StormState
from loadtests.storm.storm_exchange import StormExchange
from loadtests.storm.tables import Tables
from mock_provider.engine import Engine
from mock_provider.engine.values import (
    Accepted,
    AcceptedMessage,
    Answer,
    Disconnect,
    Effect,
    JournalRow,
    Reply,
    SendReports,
    Submit,
)
from mock_provider.profiles import Profile, parse_profile
from reference_sender.dispatch.values import AskReport, LookUp, Message, Report, Result
from reference_sender.node.effects import SubmitNow

Act = Callable[[], None]

TOKEN = "storm"
TIME_OUT_S = 10.0  # of a request, and of a report call
_SLICE_BITS = 30
LATE_S = 40.0  # of a request that the network holds, at most


class Request(Struct, eq=False):
    """A request of the sender. ``open``: its process still waits for the answer."""

    process: StormProcess
    batch_id: int
    messages: tuple[Message, ...]
    number: int
    open: bool = True


class Epoch(Struct, frozen=True):
    """What one engine of a provider recorded. It ended by a crash, or with the storm."""

    route: str
    number: int
    rows: list[JournalRow]


@lru_cache(maxsize=256)
def _profile(
    requests_per_s: int,
    segments_per_s: int,
    reply_s: float,
    failing: bool,
    remembers_s: float,
    flood_limit: int,
) -> Profile:
    failures = [{"state": "undelivered", "reason": "absent", "share": 0.2}] if failing else []
    return parse_profile(
        {
            "name": "storm",
            "carriers": [{"name": "any", "country": "*"}],
            "account": {"tokens": [TOKEN], "price_per_segment": 0.01},
            "throttle": {
                "requests": {"rate_per_s": requests_per_s, "burst": max(1, requests_per_s)},
                "segments": {"rate_per_s": segments_per_s, "burst": max(10, segments_per_s)},
            },
            "reply": {"latency": {"kind": "fixed", "value_s": reply_s}},
            "delivery": {"latency": {"kind": "uniform", "low_s": 0, "high_s": 4}, "failures": failures},
            "duplicates": {"window_s": remembers_s},
            "flood": {"limit": flood_limit, "window_s": FLOOD_WINDOW_S},
            "reports": {"retry_after_s": [2, 10, 60, 300], "give_up_after_s": 3_600},
        }
    )


class StormProvider:
    """All instants are nanoseconds of the world's clock, which is the engine's too."""

    def __init__(self, state: StormState, sender: StormSender, plan: RoutePlan) -> None:
        self.plan = plan
        self.up = True
        self.number = 0  # of the engine; a new one begins without memory
        self.epochs: list[Epoch] = []
        self._state = state
        self._sender = sender
        self._links: list[LinkTrouble] = state.links[plan.name]
        profile = _profile(
            plan.requests_per_s,
            plan.segments_per_s,
            plan.reply_s,
            plan.failing,
            plan.remembers_s,
            plan.flood_limit,
        )
        self._profile = profile.model_copy(update={"faults": tuple(state.provider_faults[plan.name])})
        self._exchange = StormExchange(self._profile, TOKEN)
        self._rows: dict[tuple[str, str | None], JournalRow] = {}  # of the engine
        self.seen = 0  # messages of requests so far
        self._requests: dict[int, tuple[Request, Render, bool]] = {}  # that the engine has: reply arrives?
        self._accepted: dict[str, list[tuple[str, int]]] = {}  # by number: ids and instants
        self._last_request = 0
        self._armed_ns: int | None = None
        self._new_engine()

    def _new_engine(self) -> None:
        seed = (self._state.seed * 8 + ord(self.plan.name) - ord("a")) * 16 + self.number
        self.engine = Engine(self._profile, seed, slice_bits=_SLICE_BITS)
        self.tables = Tables(self.engine) if self._state.watches_memory else None
        self._rows = {}
        self._accepted = {}
        self._armed_ns = None

    @property
    def unanswered(self) -> int:
        """Messages of requests that the engine has not answered."""
        return sum(len(request.messages) for request, _, _ in self._requests.values())

    def keep_rows(self) -> None:
        """Take the rows of the journal that are complete, or have changed since."""
        self._rows.update({(row.key, row.provider_id): row for row in self.engine.take_rows()})

    def request(self, process: StormProcess, submit: SubmitNow) -> None:
        """The sender's client sends a request."""
        self._last_request += 1
        self.seen += len(submit.messages)
        request = Request(process, submit.batch_id, submit.messages, self._last_request)
        met = self._met(request.number, network.REFUSED, network.RESET, network.REQUEST_LATE)
        state, delay_ns = self._state, self._delay_ns(request.number)
        if met == network.REFUSED or not self.up:
            refused = self._exchange.not_sent(submit.messages)
            state.later(delay_ns, lambda: process.input(partial(self._answer, request, refused)))
            return
        state.later(int(TIME_OUT_S * 1e9), lambda: process.input(partial(self._give_up, request)))
        if met == network.RESET:
            state.later(delay_ns, lambda: process.input(partial(self._give_up, request)))
            return
        if met == network.REQUEST_LATE:
            delay_ns += int(LATE_S * 1e9 * chance(state.seed, "late", self.plan.name, request.number))
        asked = self._exchange.request(process.now_ns(), request.number, submit.messages)
        state.later(delay_ns, lambda: self._receive(request, asked))

    def look_up(self, process: StormProcess, lookup: LookUp) -> None:
        """The sender asks for a message."""
        found: Sequence[Report] | None = None
        if self.up and self.plan.looks_up:
            since_ns = lookup.since_ns - process.offset_ns
            found = [
                self._exchange.found(provider_id, self.engine.message(provider_id))
                for provider_id, at_ns in self._accepted.get(lookup.message.to, ())
                if at_ns >= since_ns
            ]
        message = lookup.message
        self._state.later(20_000_000, lambda: process.input(lambda: process.looked_up(message, found)))

    def ask(self, process: StormProcess, asked: AskReport) -> None:
        """The sender asks for the state of a message."""
        view = self.engine.message(asked.provider_id) if self.up else None
        report: Report | None = None
        if view is not None:
            report = replace(self._exchange.found(asked.provider_id, view), key=asked.key)
        self._state.later(20_000_000, lambda: process.input(lambda: process.status_found(asked.key, report)))

    def crash(self, down_s: float) -> None:
        """The process is killed. Its open connections break."""
        if not self.up:
            return
        self.up = False
        keeps = self.plan.keeps_state
        self._state.occurred("provider_crash_keeps" if keeps else "provider_crash_forgets")
        self._state.note(f"provider {self.plan.name} is killed and {'keeps' if keeps else 'forgets'} all")
        for request, _, _ in self._requests.values():
            self._to_sender(request, partial(self._give_up, request))
        self._requests.clear()
        if not keeps:
            self._end_epoch()
            self.number += 1
            self._new_engine()
        self._state.later(int(down_s * 1e9), self._start)

    def _start(self) -> None:
        self.up = True
        self._state.note(f"provider {self.plan.name} runs again")

    def _end_epoch(self) -> None:
        self._rows.update({(row.key, row.provider_id): row for row in self.engine.close_rows()})
        rows = list(self._rows.values())
        self.epochs.append(Epoch(self.plan.name, self.number, rows))
        for row in rows:
            if row.fault:
                for name in row.fault.split(","):
                    self._state.occurred(name)

    def now_ns(self) -> int:
        """The world's clock."""
        return self._state.now_ns

    def end(self) -> None:
        """The storm is over: no more is recorded."""
        self._end_epoch()

    def _receive(self, request: Request, asked: tuple[Submit, Render] | Sequence[Result]) -> None:
        if not self.up:
            self._to_sender(request, partial(self._give_up, request))
            return
        if not isinstance(asked, tuple):
            self._to_sender(request, partial(self._answer, request, asked))
            return
        submit, render = asked
        offset_ns = request.process.offset_ns
        expires_ns = None if submit.expires_ns is None else submit.expires_ns - offset_ns
        options = replace(submit.options, refuse_duplicates=self.plan.refuses_repeats)
        submit = replace(submit, expires_ns=expires_ns, options=options)
        arrives = True
        met = self._met(request.number, network.RESET_AFTER, network.REPLY_LOST)
        if met is not None:
            arrives = False
            if met == network.RESET_AFTER:
                self._to_sender(request, partial(self._give_up, request))
        self._requests[request.number] = request, render, arrives
        self.perform(self.engine.submit(self._state.now_ns, submit))
        for _, accepted in self.engine.take_unanswered():
            self._note_accepted(accepted)

    def _to_sender(self, request: Request, act: Act) -> None:
        process = request.process
        self._state.later(self._delay_ns(request.number), lambda: process.input(act))

    def _answer(self, request: Request, results: Sequence[Result]) -> None:
        if request.open:
            request.open = False
            request.process.answered(self.plan.name, request.batch_id, request.messages, results)

    def _give_up(self, request: Request) -> None:
        if request.open:
            self._answer(request, self._exchange.unanswered(request.messages))

    def perform(self, effects: Iterable[Effect]) -> None:
        """Carry out what the engine asks for, and arrange its next call."""
        for effect in effects:
            if isinstance(effect, Reply):
                self._reply(effect.request_id, effect.answer)
            elif isinstance(effect, Disconnect):
                if (found := self._requests.pop(effect.request_id, None)) is not None:
                    self._to_sender(found[0], partial(self._give_up, found[0]))
            elif isinstance(effect, SendReports):
                self._report(effect)
        due_ns = self.engine.next_due()
        if due_ns is not None and due_ns != self._armed_ns:
            self._armed_ns = due_ns
            engine = self.engine
            self._state.later(max(0, due_ns - self._state.now_ns), lambda: self._advance(engine, due_ns))

    def _advance(self, engine: Engine, due_ns: int) -> None:
        if engine is self.engine and self._armed_ns == due_ns:
            self._armed_ns = None
            self.perform(engine.advance(self._state.now_ns))

    def _reply(self, request_id: int, answer: Answer) -> None:
        if isinstance(answer, Accepted):
            self._note_accepted(answer)
        found = self._requests.pop(request_id, None)
        if found is not None and found[2]:
            request, render, _ = found
            self._to_sender(request, partial(self._answer, request, render(answer)))

    def _note_accepted(self, accepted: Accepted) -> None:
        each: AcceptedMessage
        for each in accepted.messages:
            self._accepted.setdefault(each.msisdn, []).append((each.provider_id, self._state.now_ns))

    def _report(self, call: SendReports) -> None:
        state, engine = self._state, self.engine
        number = call.batch_id * 16 + call.attempt
        met = self._met(number, network.REPORT_UNREACHED, network.CONFIRMATION_LOST)
        reports = self._exchange.reports(call)
        if not self.plan.carries_key:
            reports = [replace(report, key=None) for report in reports]
        waiter = AwaitedReportCall(self, engine, call.batch_id, met == network.CONFIRMATION_LOST)
        state.later(int(TIME_OUT_S * 1e9), lambda: waiter.end(False))
        if met == network.REPORT_UNREACHED or not self.up:
            state.later(1_000_000, lambda: waiter.end(False))
        else:
            state.later(self._delay_ns(number), lambda: self._sender.take_reports(reports, waiter))

    def _met(self, number: int, *kinds: str) -> str | None:
        """What the network does to this exchange."""
        for link in self._links:
            at_s = self._state.storm_at_s
            if link.what in kinds and link.begin_s <= at_s < link.end_s:
                drawn = chance(self._state.seed, link.what, self.plan.name, number)
                if drawn < link.share:
                    self._state.occurred(link.what)
                    return link.what
        return None

    def _delay_ns(self, number: int) -> int:
        return 1_000_000 + int(30e6 * chance(self._state.seed, "delay", self.plan.name, number) ** 2)


class AwaitedReportCall:
    """A report call of a provider's engine, until it is confirmed or not."""

    def __init__(self, provider: StormProvider, engine: Engine, batch_id: int, answer_lost: bool) -> None:
        self._provider = provider
        self._engine = engine
        self._batch_id = batch_id
        self._answer_lost = answer_lost
        self._open = True

    def end(self, confirmed: bool) -> None:
        """The provider learns whether the call was confirmed, or gives up."""
        if not self._open or (confirmed and self._answer_lost):
            return
        self._open = False
        provider = self._provider
        if provider.engine is self._engine:
            now_ns = provider.now_ns()
            provider.perform(self._engine.reports_answered(now_ns, self._batch_id, confirmed))
