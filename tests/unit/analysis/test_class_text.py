"""A reader sees one name for a class, also for the messages of all classes. Data files keep the keys."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from run_builder import Build

from analysis.classes import class_text, message_of, messages_of
from analysis.render.report_files import write_report
from analysis.report import build_report

# A class's key as a word of its own: not in "otp.p95<20s", "all requests", a path.
_KEY = re.compile(r"(?<![\w.'/<-])otp(?![\w.'/=<-])|\| all \||\ball (?:p\d|mean)|\ball: |\bof class all\b")


@pytest.mark.parametrize(
    ("key", "name", "one", "several"),
    [
        ("otp", "OTP", "OTP", "OTPs"),
        ("marketing", "marketing", "marketing message", "marketing messages"),
        ("all", "all messages", "message", "messages"),
    ],
)
def test_each_class_has_one_name(key: str, name: str, one: str, several: str) -> None:
    assert (class_text(key), message_of(key), messages_of(key)) == (name, one, several)


def test_summary_and_junit_name_classes_alike(new_run: Build, tmp_path: Path) -> None:
    run = new_run("run")
    for slot in range(400):
        run.journey(f"m-{slot}", slot / 10, 3.0, message_class=("otp", "marketing")[slot % 2])
    asked = ("otp.p95<1s", "all.p95<2s", "otp.delivered>98%", "marketing.p99.9<20s")
    report = build_report(run.write(load_s=40.0, end_s=90.0, objectives=asked))
    write_report(report, tmp_path)
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert [line for line in summary.splitlines() if _KEY.search(line)] == []
    for said in (
        "all messages: 95 % within 3.00 s",
        "| all messages p95 delivery time |",
        "| all messages | 400 |",
        "OTP mean | marketing mean | all messages mean | all messages p50",
    ):
        assert said in summary
    junit = ElementTree.parse(tmp_path / "junit.xml").getroot()
    named = {case.get("name") for case in junit.iter("testcase")}
    assert {"all messages p95 delivery time", "OTP share delivered"} <= named
    with (tmp_path / "percentiles.csv").open(encoding="utf-8") as file:
        assert {row["message_class"] for row in csv.DictReader(file)} == {"otp", "marketing", "all"}
    found = msgspec.json.decode((tmp_path / "summary.json").read_bytes())
    assert {each["message_class"] for each in found["parts"][0]["delivery"]} == {"otp", "marketing", "all"}


@pytest.mark.parametrize(
    "line", ["| all | 9 |", "all: 95 % within 3 s", "| otp p95 delivery time |", "| stage | all mean |"]
)
def test_a_key_in_a_text_is_found(line: str) -> None:
    assert _KEY.search(line)
