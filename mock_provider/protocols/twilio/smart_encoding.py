"""Smart Encoding: Twilio's replacements for characters that are not in GSM-7.

Source: Twilio's published list (twilio.com/docs/messaging/services/smart-encoding-char-list) in the form that
its own segment calculator has (sms-segments-calculator 1.3.0). A character that is not listed stays.
"""

from __future__ import annotations

# Replacement, and the code points that it replaces.
_LISTED: tuple[tuple[str, str], ...] = (
    ('"', "00ab 00bb 02ba 02ee 201c 201d 201e 201f 275d 275e 301d 301e ff02"),
    ("'", "0060 00b4 02b9 02bb 02bc 02bd 02c8 02ca 02cb 0313 0314 2018 2019 201b 275b 275c fe10 fe11 ff07"),
    ("/", "00f7 0337 0338 2044 2215 29f8 ff0f"),
    ("1/4", "00bc"),
    ("1/2", "00bd"),
    ("3/4", "00be"),
    ("\\", "20e5 29f5 29f9 fe68 ff3c"),
    ("_", "0332 2017 ff3f"),
    ("|", "20d2 20d3 2223 239c 239f 23b8 23b9 23d0 ff5c"),
    ("-", "2010 2013 2014 2015 2022 2043 23bc 23bd fe63 ff0d"),
    ("@", "fe6b ff20"),
    ("$", "fe69 ff04"),
    ("!", "01c3 fe15 fe57 ff01"),
    ("!!", "203c"),
    ("#", "fe5f ff03"),
    ("%", "fe6a ff05"),
    ("&", "fe60 ff06"),
    (",", "0326 201a 3001 fe50 fe51 ff0c ff64"),
    ("(", "2768 276a 27ee 2985 fe59 ff08"),
    (")", "2769 276b 27ef 2986 fe5a ff09"),
    ("*", "204e 2217 229b 2722 2723 2724 2725 2731 2732 2733 273a 273b 273c 273d 2743 2749 274a 274b 29c6"),
    ("*", "fe61 ff0a"),
    ("+", "02d6 fe62 ff0b"),
    (".", "3002 fe52 ff0e ff61"),
    ("...", "2026"),
    (":", "02d0 02f8 2982 a789 fe13 ff1a"),
    (";", "204f fe14 fe54 ff1b"),
    ("<", "2039 fe64 ff1c"),
    ("=", "0347 a78a fe66 ff1d"),
    (">", "203a fe65 ff1e"),
    ("?", "fe16 fe56 ff1f"),
    ("^", "02c6 0302 1dcd ff3e"),
    ("{", "2774 fe5b ff5b"),
    ("}", "2775 fe5c ff5d"),
    ("[", "ff3b"),
    ("]", "ff3d"),
    ("~", "02dc 02f7 0303 0330 0334 223c ff5e"),
    (" ", "2001 2028 2029"),
    # The published list has two spaces for these.
    (
        "  ",
        "0080 008d 0090 009b 009f 00a0 2000 2002 2003 2004 2005 2006 2007 2008 2009 200a 202f 205f 3000",
    ),
    ("       ", "0009"),
    ("", "0000 0003 0004 0010 0011 0012 0013 0014 0017 0019 200b 200c 2060 feff"),
)
# Small capitals, as far as Unicode has them (there is none of Q and X).
_SMALL_CAPITALS = {
    "A": 0x1D00, "B": 0x0299, "C": 0x1D04, "D": 0x1D05, "E": 0x1D07, "F": 0xA730, "G": 0x0262, "H": 0x029C,
    "I": 0x026A, "J": 0x1D0A, "K": 0x1D0B, "L": 0x029F, "M": 0x1D0D, "N": 0x0274, "O": 0x1D0F, "P": 0x1D18,
    "R": 0x0280, "S": 0xA731, "T": 0x1D1B, "U": 0x1D1C, "V": 0x1D20, "W": 0x1D21, "Y": 0x028F, "Z": 0x1D22,
}  # fmt: skip
_FULLWIDTH = 0xFEE0  # from an ASCII character to its full-width form

REPLACEMENTS: dict[int, str] = (
    {int(code, 16): replacement for replacement, codes in _LISTED for code in codes.split()}
    | {ord(character) + _FULLWIDTH: character for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    | {code: letter for letter, code in _SMALL_CAPITALS.items()}
)


def smart_encoded(text: str) -> str:
    """The text as Twilio sends it with ``SmartEncoded=true``."""
    return text.translate(REPLACEMENTS)
