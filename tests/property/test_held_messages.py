"""Held messages: none is sent too early, in quiet hours, or for a stopped campaign, and none is lost."""

from __future__ import annotations

from held_world import HeldWorld
from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S

from reference_sender.dispatch.values import FINAL_STATES, Lane, Message, Outcome, State
from reference_sender.policy.campaigns import CampaignState
from reference_sender.policy.countries import default_countries
from reference_sender.policy.quiet_hours import OpeningHours
from reference_sender.policy.settings import PolicySettings

HOUR = 3600 * S
NUMBERS = ("48500100200", "33612345678", "306912345678")
CAMPAIGNS = ("", "may", "june")
POLICY = PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0, "daily_limit": 6.0}})

takes = st.tuples(
    st.just("take"),
    st.sampled_from(list(Lane)),
    st.sampled_from(NUMBERS),
    st.sampled_from(CAMPAIGNS),
    st.sampled_from([0, 0, 3 * HOUR, 30 * HOUR]),
    st.booleans(),
)
controls = st.tuples(
    st.just("control"),
    st.sampled_from(CAMPAIGNS[1:]),
    st.sampled_from(
        [CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.RUNNING, CampaignState.CANCELLED]
    ),
    st.sampled_from([None, 3_000_000, 50_000_000]),
)
answers = st.tuples(
    st.just("answer"),
    st.sampled_from(
        [Outcome.ACCEPTED, Outcome.THROTTLED, Outcome.RETRYABLE, Outcome.DEFERRED, Outcome.ROUTE_DOWN]
    ),
)
times = st.tuples(st.just("time"), st.integers(1, 20 * HOUR))
opts = st.tuples(st.just("opt_out"), st.sampled_from(NUMBERS))
steps = st.lists(
    st.one_of(takes, takes, takes, controls, answers, times, opts, st.just(("kill",))), max_size=30
)


class RequestWatch:
    """Checks every message at the moment its request goes out."""

    def __init__(self) -> None:
        self.hours = OpeningHours(default_countries())
        self.uncertain: set[int] = set()  # killed without an answer: repeated on their route, at any time
        self.stopped: dict[str, CampaignState] = {}
        self.opted_out: set[str] = set()
        self.world = HeldWorld(POLICY, self.sees)

    def sees(self, message: Message) -> None:
        now_ns = self.world.now_ns
        assert now_ns < message.expires_ns
        if message.message_id in self.uncertain:
            return
        assert message.not_before_ns <= now_ns
        assert message.campaign not in self.stopped
        assert not (message.lane is Lane.MARKETING and message.to in self.opted_out)
        if message.keeps_hours:
            assert self.hours.window(message.to, now_ns).opens_ns <= now_ns

    def control(self, name: str, state: CampaignState, limit: int | None) -> None:
        known = self.world.node.gate.campaign(name)
        if known is not None and known.state is CampaignState.CANCELLED:
            return
        self.stopped.pop(name, None)
        if state is not CampaignState.RUNNING:
            self.stopped[name] = state
        self.world.set_state(state, name, limit)

    def kill(self) -> None:
        self.uncertain |= {each.message_id for submit in self.world.in_flight for each in submit.messages}
        self.world.start(page=1)


def watched(drawn: list[tuple[object, ...]]) -> RequestWatch:
    watch = RequestWatch()
    world = watch.world
    for what, *given_ in drawn:
        world.read_on()
        if what == "take":
            lane, to, campaign, ahead_ns, keeps_hours = given_
            not_before_ns = world.now_ns + ahead_ns if ahead_ns else 0  # type: ignore[operator]
            world.take(
                world.message(
                    lane,  # type: ignore[arg-type]
                    to,  # type: ignore[arg-type]
                    72 * HOUR,
                    campaign=campaign,
                    not_before_ns=not_before_ns,
                    keeps_hours=keeps_hours,
                )
            )
        elif what == "control":
            watch.control(*given_)  # type: ignore[arg-type]
        elif what == "answer":
            world.answer(*given_)  # type: ignore[arg-type]
        elif what == "time":
            world.pass_time(world.now_ns + given_[0])  # type: ignore[operator]
        elif what == "opt_out":
            watch.opted_out.add(given_[0])  # type: ignore[arg-type]
            world.opt_out(given_[0])  # type: ignore[arg-type]
        else:
            watch.kill()
    return watch


@given(steps)
@settings(deadline=None, max_examples=60)
def test_held_messages_keep_every_rule_and_none_is_lost(drawn: list[tuple[object, ...]]) -> None:
    watch = watched(drawn)
    world = watch.world
    assert world.node.state(world.now_ns).unread == world.unread
    while world.unread:
        world.read_on()
    made = world.node.state(world.now_ns)
    records = world.records()
    open_ids = {number for number, each in records.items() if each.state not in FINAL_STATES}
    assert made.open == len(open_ids), "store and node agree on what is open"
    for name in CAMPAIGNS[1:]:
        watch.control(name, CampaignState.RUNNING, 10**12)
    for _ in range(4 * 24):
        world.pass_time(world.now_ns + 2 * HOUR)
        world.answer()
    left = [each for each in world.records().values() if each.state not in FINAL_STATES | {State.SENT}]
    assert not left
    assert world.node.state(world.now_ns).held == 0
    assert len(world.records()) == len(records)


def test_the_check_finds_a_message_that_is_sent_too_early() -> None:
    """The property can fail: a gate that holds nothing is noticed."""
    watch = RequestWatch()
    gate = watch.world.node.gate
    gate.may_go_ns = lambda now_ns, message: now_ns  # type: ignore[method-assign]
    try:
        watch.world.take(watch.world.message(keeps_hours=True))
    except AssertionError:
        return
    raise AssertionError("a message in quiet hours was not noticed")
