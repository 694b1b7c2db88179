"""The settings of the reports on campaigns, as the TOML file of ``--campaign-reports`` has them."""

from __future__ import annotations

import tomllib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reference_sender.alerts.addresses import MailAddress
from reference_sender.alerts.rules import MailServer
from reference_sender.campaign_report.texts import ReportLanguage
from reference_sender.policy.countries import TimeZoneName
from user_input.one_line import OneLine
from user_input.plain_errors import boolean_errors, settings_errors


class ReportFileError(ValueError):
    """The file cannot be used; the text names each field."""


class ReportEmail(MailServer):
    """``recipients`` get the report of every campaign, besides those that the campaign names."""

    recipients: tuple[MailAddress, ...] = ()


class CampaignReportSettings(BaseModel):
    """The defaults are what no file, or an empty one, means."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    enabled: bool = True
    language: ReportLanguage = ReportLanguage.ENGLISH  # of campaigns that name none
    currency: Annotated[OneLine, Field(max_length=10)] = (
        ""  # the name of the currency of the policy's prices; without the key: not known
    )
    time_zone: TimeZoneName = "UTC"  # of the report's instants
    quiet_s: Annotated[float, Field(ge=0, le=86_400)] = (
        60.0  # without a change, after which a campaign has ended
    )
    every_s: Annotated[float, Field(gt=0, le=3_600)] = 5.0  # how often the sender looks for ends
    email: ReportEmail | None = None


def parse_report_settings(text: str) -> CampaignReportSettings:
    """Raises ``ReportFileError``."""
    try:
        document = tomllib.loads(text)
        settings = CampaignReportSettings.model_validate(document)
    except tomllib.TOMLDecodeError as error:
        raise ReportFileError(str(error)) from None
    except ValidationError as error:
        raise ReportFileError("; ".join(settings_errors(error, CampaignReportSettings))) from None
    if wrong := boolean_errors(document, settings):
        raise ReportFileError("; ".join(wrong))
    return settings
