"""The results that a profile sets for given messages, computed by the provider's engine in virtual time.

All random draws are hashes of the seed and a message's key, so latency and outcome of each message are known
beforehand. The results over sockets are compared with them one by one, without sampling noise. Whether the
core draws as the profile says is judged separately, against theory.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from loadtests.calibrate.client import TimedAnswer
from loadtests.calibrate.messages import TOKEN
from mock_provider.engine import Engine
from mock_provider.engine.values import (
    Accepted,
    Disconnect,
    Effect,
    Outbound,
    Refused,
    Reply,
    ReportsWanted,
    SendReports,
    Submit,
)
from mock_provider.profiles import Profile, with_token
from mock_provider.protocols.smsapi.errors import refusal_reply
from mock_provider.testing import VirtualDriver

ACCEPTED, CUT, NO_REPLY = "accepted", "connection cut", "no reply"
_BEGIN_NS = 1_000_000_000
_OK = 200


class Expected(Struct):
    """The expected result of one message. Instants in ns from the start; None if it does not happen within
    the horizon.

    ``outcome`` is ``accepted``, the name of a refusal, or one of ``CUT`` and ``NO_REPLY``; ``code`` is the
    status and error number of a refusal in the protocol.
    """

    offset_ns: int
    outcome: str = NO_REPLY
    code: tuple[int, int] = (0, 0)
    reply_ns: int | None = None
    report_ns: int | None = None
    state: str = ""


def expected(
    profile: Profile,
    seed: int,
    keys: Sequence[str],
    offsets_ns: Sequence[int],
    *,
    horizon_s: float = 60.0,
    report_url: str = "",
) -> list[Expected]:
    """The expected results if the requests arrive exactly at their instants."""
    found = [Expected(offset) for offset in offsets_ns]
    place = {key: n for n, key in enumerate(keys)}
    end_ns = _BEGIN_NS + (offsets_ns[-1] if offsets_ns else 0) + round(horizon_s * 1e9)

    def note(now_ns: int, effect: Effect) -> None:
        if isinstance(effect, Reply | Disconnect):
            _answered(found[effect.request_id], now_ns - _BEGIN_NS, effect, profile)
        elif isinstance(effect, SendReports):
            for report in effect.reports:
                one = found[place[report.client_ref or ""]]
                one.report_ns, one.state = now_ns - _BEGIN_NS, report.state.value

    driver = VirtualDriver(Engine(with_token(profile, TOKEN), seed), note)
    for n, (key, offset_ns) in enumerate(zip(keys, offsets_ns, strict=True)):
        driver.submit(_submit(n, key, report_url), _BEGIN_NS + offset_ns)
    driver.run_until(end_ns)
    return found


def _submit(number: int, key: str, report_url: str) -> Submit:
    msisdn = f"48{500_000_000 + number:09d}"
    outbound = Outbound(msisdn, msisdn, "Calibration", 1, key, key)
    return Submit(number, "smsapi", TOKEN, "Test", (outbound,), reports=ReportsWanted(report_url))


def _answered(one: Expected, at_ns: int, effect: Reply | Disconnect, profile: Profile) -> None:
    one.reply_ns = at_ns
    if isinstance(effect, Disconnect):
        one.outcome = CUT
    elif isinstance(effect.answer, Accepted):
        one.outcome = ACCEPTED
    else:
        assert isinstance(effect.answer, Refused)
        one.outcome = effect.answer.reason.value
        reply = refusal_reply(effect.answer, True, profile.protocol.smsapi)
        one.code = (reply.status, error_number(reply.body))


def error_number(body: bytes) -> int:
    """SMSAPI's number of an error answer; 0 if there is none."""
    _, found, rest = body.partition(b'"error":')
    digits = rest[: len(rest) - len(rest.lstrip(b"0123456789"))]
    return int(digits) if found and digits else 0


def is_accepted(answer: TimedAnswer) -> bool:
    """Whether the reply accepted the message."""
    return answer.status == _OK and error_number(answer.body) == 0
