"""The search on real sockets: each trial is an ordinary run below ``trials/``."""

from __future__ import annotations

import math
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from analysis.capacity_record import CapacityResult, write_capacity
from analysis.objectives.defaults import DEFAULT_OBJECTIVES
from analysis.records import Manifest, write_manifest
from loadtests.arrivals import DAY_MIX, Mix, Stream
from loadtests.arrivals.chance import derive_seed
from loadtests.capacity.analysis import analyse_trial
from loadtests.capacity.bracket import SearchSettings, TrialResult
from loadtests.capacity.objectives import fewest_messages, what_judges
from loadtests.capacity.result import (
    INTERRUPTED,
    Searched,
    bracket_text,
    capacity_result,
    last_trial_text,
    shown_trial,
    unjudged,
)
from loadtests.capacity.search import NextTrial, SearchEnd, next_step, rate_text, trials_text
from loadtests.capacity.trial_load import Spacing, trial_process
from loadtests.capacity.verdict import BACKLOG, invalid_trial, judged_trial
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.sampling import Snapshot
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Part, Scenario

NAME = "capacity"
# Availability is a share of windows of 10 s over hours; a trial has one such window.
OBJECTIVES = tuple(each for each in DEFAULT_OBJECTIVES if not each.startswith("availability"))
_DRAIN_S = 20.0
_DRAIN_OF_OTHERS_S = 60.0  # the user's sender keeps its queue from one trial to the next
_QUEUED_S = 0.5  # seconds of the offered rate in queues after the load: the target could not do more


class SearchRequest(Struct, frozen=True, kw_only=True):
    """The settings of a search and its load. ``profile``: the provider's, if the settings name none.

    ``within_s``: a trial begins only if it would end within this time, judged by the last trial's duration.
    """

    search: SearchSettings
    within_s: float = math.inf
    profile: str = "fast"
    mix: Mix = DAY_MIX
    spacing: Spacing = "poisson"


class SearchOutcome(Struct, frozen=True, kw_only=True):
    """``manifests`` of the trials that ran, by their places. ``unjudged``: objectives that the trials at the
    sustained rate did not judge. ``judges``: the options with which they are judged.

    ``shown``: the place of the trial that the report shows, at the sustained rate if there is one.
    """

    result: CapacityResult
    manifests: dict[str, Manifest]
    unjudged: tuple[str, ...]
    judges: tuple[str, ...]
    shown: str


def find_capacity(
    asked: SearchRequest, settings: RunSettings, progress: Progress, interruption: Interruption
) -> SearchOutcome:
    """Search for the objectives of ``settings``, and write ``capacity.json`` into its directory ``out``.

    Ends early if the user interrupts; results so far are kept. Raises ``Aborted`` and ``ProbeStopped``.
    """
    trials: list[TrialResult] = []
    manifests: dict[str, Manifest] = {}
    needed = fewest_messages(settings.objectives, asked.mix)
    search = replace(asked.search, fewest_messages=max(asked.search.fewest_messages, needed))
    began_s = trial_began_s = time.monotonic()
    interrupted_per_s: float | None = None
    while True:
        step = next_step(search, trials)
        if isinstance(step, SearchEnd):
            ended = step.why
            break
        now_s = time.monotonic()
        if trials and now_s - began_s + (now_s - trial_began_s) > asked.within_s:
            ended = f"the time limit of the search was reached after {trials_text(len(trials))}"
            break
        trial_began_s = now_s
        number = len(trials) + 1
        progress.note(
            f"trial {number} of at most {search.most_trials}: {rate_text(step.rate_per_s)} for "
            f"{step.load_s:.0f} s"
        )
        place = f"trials/{number:02d}-{step.rate_per_s:g}"
        manifest = _run(asked, settings, number, step, place, progress, interruption)
        manifests[place] = manifest
        if interruption.asked:
            ended, interrupted_per_s = INTERRUPTED, step.rate_per_s
            break
        trials.append(_judge(search, step, asked.mix, settings.out, place, manifest))
        progress.note(f"  {last_trial_text(search, trials)}; {bracket_text(search, trials)}")
        if number == 1 and manifest.exit_reason.startswith("error"):
            ended = manifest.exit_reason.removeprefix("error: ")  # all others would fail, too
            break
    return _found(asked, settings, search, trials, manifests, ended, interrupted_per_s)


def _run(
    asked: SearchRequest,
    settings: RunSettings,
    number: int,
    step: NextTrial,
    place: str,
    progress: Progress,
    interruption: Interruption,
) -> Manifest:
    """One trial. Its manifest says that it decides no verdict."""
    others = settings.target is not None
    part = Part(
        slug=Path(place).name,
        title=f"{rate_text(step.rate_per_s)} for {step.load_s:.0f} s",
        role="plain",
        profile=asked.profile,
        streams=(
            Stream(trial_process(step.rate_per_s, step.load_s, asked.spacing), mix=asked.mix, campaign=NAME),
        ),
        drain_timeout_s=_DRAIN_OF_OTHERS_S if others else _DRAIN_S,
    )
    scenario = Scenario(name=NAME, title="a trial of a capacity search", parts=(part,))
    own = replace(
        settings,
        seed=derive_seed(settings.seed, f"trial {number}") & 0x7FFF_FFFF,
        probe=settings.probe and number == 1,
    )
    directory = settings.out / place
    manifest = PartRun(
        scenario,
        part,
        directory,
        own,
        progress,
        interruption,
        # The user's sender must empty its queue before the next trial.
        (lambda snapshot: False) if others else (lambda snapshot: overloaded(snapshot, step.rate_per_s)),
    ).run()
    manifest = replace(manifest, scenario=replace(manifest.scenario, decides=False))
    write_manifest(directory, manifest)
    return manifest


def overloaded(snapshot: Snapshot, rate_per_s: float) -> bool:
    """Whether the queue after the load is long enough to know the verdict without a wait for its end."""
    queued = 0.0
    for state, prefixes in (
        (snapshot.sender, ("queue_", "between_attempts")),
        (snapshot.provider, ("queue_accept", "queue_carrier_", "queue_senders")),
    ):
        if state is not None:
            queued += sum(
                value
                for name, value in state.gauges.items()
                if name.startswith(prefixes) and name != "queue_accept_segments"
            )
    return queued > _QUEUED_S * rate_per_s


def _judge(
    search: SearchSettings, step: NextTrial, mix: Mix, out: Path, place: str, manifest: Manifest
) -> TrialResult:
    if manifest.exit_reason.startswith("error"):
        return invalid_trial(step, place, manifest.exit_reason.removeprefix("error: "))
    result, why = analyse_trial(out / place)
    if result is None:
        return invalid_trial(step, place, why)
    return judged_trial(search, step, mix, result, place)


def _found(
    asked: SearchRequest,
    settings: RunSettings,
    search: SearchSettings,
    trials: list[TrialResult],
    manifests: dict[str, Manifest],
    ended: str,
    interrupted_per_s: float | None,
) -> SearchOutcome:
    last = next(reversed(manifests.values()), None)
    searched = Searched(
        profile=(last.profile_name if last is not None else "") or settings.profile or asked.profile,
        target=str(last.target.get("name", "")) if last is not None else "",
        objectives=settings.objectives,
        ended=ended,
        interrupted_per_s=interrupted_per_s,
    )
    result = capacity_result(search, trials, searched)
    write_capacity(settings.out, result)
    not_judged = unjudged(search, trials, settings.objectives)
    met = result.sustained_per_s
    percentiles = [each for each in not_judged if each != BACKLOG]
    return SearchOutcome(
        result=result,
        manifests=manifests,
        unjudged=not_judged,
        judges=what_judges(percentiles, asked.mix, met, search) if met is not None else (),
        shown=shown_trial(search, trials) or next(reversed(manifests)),
    )
