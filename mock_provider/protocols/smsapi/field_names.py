"""The field names this protocol reads, and which of them take several values."""

from __future__ import annotations

_PARAMETERS = ("param1", "param2", "param3", "param4")
_COMMON = ("format", "encoding", "access_token", "username", "password")

# Fields of /sms.do that are read. ``username`` belongs to the old login; only the token is checked.
OF_SEND = frozenset(
    [
        *(*_COMMON, *_PARAMETERS, "to", "group", "message", "template", "from", "idx", "check_idx"),
        *("notify_url", "date", "date_validate", "expiration_date", "time_restriction", "fast", "flash"),
        *("single", "test", "details", "max_parts", "normalize", "nounicode", "datacoding", "udh"),
        *("allow_duplicates", "skip_foreign", "sch_del", "status"),
    ]
)
OF_USER = frozenset((*_COMMON, "credits", "details"))
OF_LOOKUP = frozenset((*_COMMON, "number", "idx"))
OF_SENDER = frozenset((*_COMMON, "add", "status", "delete", "default", "list"))
OF_CODE = frozenset((*_COMMON, "phone_number", "from", "content", "fast"))
OF_VERIFICATION = frozenset((*_COMMON, "phone_number", "code"))
OF_PRICES = frozenset((*_COMMON, "type"))
OF_SENDERNAMES = frozenset((*_COMMON, "sender"))
OF_BLACKLIST = frozenset((*_COMMON, "phone_number", "expire_at"))
OF_TEMPLATE = frozenset((*_COMMON, "name", "template", "normalize"))
_PERSON = ("phone_number", "email", "first_name", "last_name", "gender", "birthday_date")
OF_CONTACT = frozenset((*_COMMON, *_PERSON, "description", "city", "country", "source", "idx"))
OF_GROUP = frozenset((*_COMMON, "name", "description", "idx", "contact_expire_after", "delete_contacts"))
OF_BLACKLISTED = frozenset((*_COMMON, "q", "offset", "limit"))
OF_GROUPS = frozenset((*_COMMON, "name", "group_id", "with"))
OF_MEMBERS = frozenset((*_COMMON, *_PERSON, "group_id", "q"))
OF_CONTACTS = OF_MEMBERS | {"offset", "limit", "order_by", "orderBy"}
OF_NOTHING = frozenset(_COMMON)

# The separator of the values of a field with several values in one text.
SEPARATORS = {
    **dict.fromkeys(("idx", *_PARAMETERS), "|"),
    **dict.fromkeys(("to", "group", "number", "sch_del", "status"), ","),
    **dict.fromkeys(("phone_number", "email", "first_name", "last_name", "birthday_date", "group_id"), ","),
    "with": ",",
    "name": ",",
}

KNOWN = OF_SEND.union(
    *(OF_USER, OF_LOOKUP, OF_SENDER, OF_CODE, OF_VERIFICATION, OF_PRICES, OF_SENDERNAMES),
    *(OF_BLACKLIST, OF_TEMPLATE, OF_CONTACT, OF_GROUP),
    *(OF_BLACKLISTED, OF_GROUPS, OF_CONTACTS),
)
