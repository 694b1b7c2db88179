"""two-routes: a sender with two routes; the first becomes slow, or is down."""

from loadtests.arrivals import Mix, Poisson, Stream
from loadtests.locustfile import locustfile
from loadtests.scenario import Part, Scenario

_STREAMS = (Stream(Poisson(2.0, 5_400.0), mix=Mix(1.0, 1.0, 1.0), campaign="two-routes"),)
SCENARIO = Scenario(
    name="two-routes",
    title="two routes of equal weight in virtual time, one of which becomes slow or is down",
    parts=(
        Part(
            slug="slow-route",
            title="90 minutes on two routes, the first slow from minute 20 to 50",
            role="plain",
            profile="fading",
            second_profile="smsapi",
            mode="simulated",
            streams=_STREAMS,
        ),
        Part(
            slug="failing-route",
            title="90 minutes on two routes, the first down for half a minute",
            role="plain",
            profile="outage",
            second_profile="smsapi",
            mode="simulated",
            streams=_STREAMS,
        ),
    ),
    takes="1 minute",
)
User, Shape = locustfile(SCENARIO, __name__)
