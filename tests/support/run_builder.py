"""Synthetic run directories with known answers: every instant is given, so every figure can be worked out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanoseconds import S

from analysis import records

START_NS = 7_000 * S  # the load's start on the run's clock


def at(seconds: float | None) -> int | None:
    return None if seconds is None else START_NS + round(seconds * S)


def _ns(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * S)


class RunBuilder:
    """Collects messages, then writes a run directory."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        self.load: list[tuple[Any, ...]] = []
        self.provider: list[tuple[Any, ...]] = []
        self.sender: list[tuple[Any, ...]] = []
        self.samples: list[tuple[Any, ...]] = []

    def due(self, key: str, due_s: float, outcome: str = "accepted", **more: Any) -> None:
        """The load's row. ``lag_s`` and ``api_s`` say when it was sent and answered, ``error`` why not."""
        sent_s = None if outcome == "dropped" else due_s + more.get("lag_s", 0.0)
        replied = outcome in ("accepted", "refused")
        answered_s = None if sent_s is None or not replied else sent_s + more.get("api_s", 0.001)
        status = {"accepted": 202, "refused": 429}.get(outcome, 0)
        self.load.append(
            (
                key,
                more.get("message_class", "otp"),
                more.get("campaign", ""),
                0,
                at(due_s),
                at(sent_s),
                at(answered_s),
                outcome,
                status,
                more.get("error", ""),
            )
        )

    def seen(self, key: str, submitted_s: float | None, **more: Any) -> None:
        """The provider's row. Stage lengths are ``provider_s``, ``carrier_s``, ``radio_s``, ``report_s``.

        ``accepted_s`` is the instant of the accepted submit, ``handset_s`` the part of ``radio_s`` that is a
        wait for the phone. ``reply_drawn_s`` and ``radio_drawn_s`` are as drawn, where they differ.
        ``scheduled_s`` is the instant at which the sender asked the provider to send the message.
        """
        state = more.get("state", "delivered")
        ended = state not in ("open",) and more.get("accepted", True)
        answered_s = None if submitted_s is None else submitted_s + more.get("provider_s", 0.01)
        scheduled_s = more.get("scheduled_s")
        queued_s = answered_s if answered_s is None else max(answered_s, scheduled_s or answered_s)
        carrier_s = None if queued_s is None else queued_s + more.get("carrier_s", 0.1)
        delivered_s = None if not ended or carrier_s is None else carrier_s + more.get("radio_s", 1.0)
        if not more.get("at_carrier", True):
            carrier_s = None
        reported_s = None if delivered_s is None else delivered_s + more.get("report_s", 0.2)
        answer_s = more.get("confirmed_after_s", 0.001)  # None: the report was not confirmed
        confirmed_s = None if reported_s is None or answer_s is None else reported_s + answer_s
        provider_id = more.get("provider_id", f"P-{key}") if more.get("accepted", True) else ""
        accepted_s = more.get("accepted_s", submitted_s)
        wait_s = more.get("handset_s", 0.0)
        reply_s = more.get("reply_drawn_s", more.get("provider_s", 0.01)) if provider_id else None
        radio_s = more.get("radio_drawn_s", more.get("radio_s", 1.0) - wait_s if ended else None)
        self.provider.append(
            (
                *(
                    key,
                    provider_id,
                    "main",
                    more.get("protocol", "smsapi"),
                    "PL",
                    more.get("carrier", "carrier-a"),
                    more.get("segments", 1),
                ),
                *(more.get("submits", 1), more.get("accepts", 1 if provider_id else 0)),
                *(at(submitted_s), at(answered_s), at(carrier_s)),
                *(at(delivered_s), at(reported_s), at(confirmed_s)),
                *(state, more.get("reason", ""), more.get("price", 0.5), more.get("fault", "")),
                *(at(accepted_s) if provider_id else None, _ns(reply_s), _ns(radio_s), _ns(wait_s)),
                *(more.get("throttled", 0), more.get("priority", False), more.get("ucs2_for", "")),
                at(scheduled_s),
            )
        )

    def kept(self, key: str, state: str, reason: str = "") -> None:
        """The sender's row."""
        self.sender.append((key, "otp", state, reason, 1))

    def journey(self, key: str, due_s: float, delivery_s: float, **more: Any) -> None:
        """A delivered message that took ``delivery_s`` from due to handset, most of it by radio."""
        self.due(key, due_s, **more)
        early = more.get("lag_s", 0.0) + more.get("api_s", 0.001) + 0.01 + 0.1
        self.seen(key, due_s + early - 0.11, **{"radio_s": delivery_s - early, **more})

    def sample(self, at_s: float, process: str, name: str, value: float) -> None:
        self.samples.append((at(at_s), process, name, value))

    def write(
        self,
        load_s: float = 60.0,
        end_s: float | None = None,
        provider_file: bool = True,
        scenario: records.RecordedScenario | None = None,
        **manifest: Any,
    ) -> Path:
        files = [("load", records.LOAD_SCHEMA, self.load), ("samples", records.SAMPLES_SCHEMA, self.samples)]
        if provider_file:
            files.append(("provider", records.PROVIDER_SCHEMA, self.provider))
        if self.sender:
            files.append(("sender", records.SENDER_SCHEMA, self.sender))
        for name, schema, rows in files:
            writer = records.RowWriter(self.run_dir / f"{name}.arrow", schema)
            for row in rows:
                writer.append(row)
            writer.close()
        ended = at(load_s if end_s is None else end_s)
        assert ended is not None
        defaults: dict[str, Any] = {
            "scenario": scenario or records.RecordedScenario(name="made", title="made by hand"),
            "profile_name": "fast",
            "started": records.Instant(wall="2026-01-01T00:00:00Z", wall_ns=0, clock_ns=START_NS),
            "ended": records.Instant(wall="2026-01-01T00:02:00Z", wall_ns=0, clock_ns=ended),
            "load_started_ns": START_NS,
            "load_ended_ns": START_NS + round(load_s * S),
            "planned": len(self.load),
        }
        records.write_manifest(self.run_dir, records.Manifest(**{**defaults, **manifest}))
        return self.run_dir


Build = Callable[[str], RunBuilder]
Suite = Callable[..., Path]
