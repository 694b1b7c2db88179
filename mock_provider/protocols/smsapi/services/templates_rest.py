"""``/sms/templates``: texts for ``template`` of a send."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.smsapi.errors import invalid_value, rest_error
from mock_provider.protocols.smsapi.fields import is_set, text_of
from mock_provider.protocols.smsapi.services.message_templates import MessageTemplate
from mock_provider.protocols.smsapi.services.rest_request import (
    RestRefusalError,
    RestRequest,
    done,
    shown,
    too_many,
)

_MOST_NAME_CHARACTERS = 255
_MOST_TEXT_CHARACTERS = 1_530  # ten parts


class TemplateBody(Struct, frozen=True, gc=False):
    id: str
    name: str
    template: str
    normalize: bool


class TemplateBodies(Struct, frozen=True, gc=False):
    size: int
    collection: list[TemplateBody]


class AvailableTemplate(Struct, frozen=True, gc=False):
    name: str
    template: str
    normalize: bool


class AvailableTemplates(Struct, frozen=True, gc=False):
    size: int
    collection: list[AvailableTemplate]


def list_templates(request: RestRequest) -> HttpResponse:
    found = [_shown(template) for template in request.state.templates.listed()]
    return shown(TemplateBodies(len(found), found))


def list_available(request: RestRequest) -> HttpResponse:
    """The account's templates; there are no shared ones."""
    found = [AvailableTemplate(t.name, t.text, t.normalize) for t in request.state.templates.listed()]
    return shown(AvailableTemplates(len(found), found))


def show_template(request: RestRequest) -> HttpResponse:
    return shown(_shown(_found(request)))


def add_template(request: RestRequest) -> HttpResponse:
    name, text = request.text("name"), text_of(request.fields, "template")
    return _put(
        request, MessageTemplate(request.state.new_id(), name, text, is_set(request.fields, "normalize")), 201
    )


def change_template(request: RestRequest) -> HttpResponse:
    """Fields that are not given stay unchanged."""
    present, fields = _found(request), request.fields
    changed = MessageTemplate(
        present.id,
        request.text("name") if "name" in fields else present.name,
        text_of(fields, "template", present.text),
        is_set(fields, "normalize") if "normalize" in fields else present.normalize,
    )
    return _put(request, changed, 200)


def remove_template(request: RestRequest) -> HttpResponse:
    request.state.templates.remove(_found(request).id)
    return done()


def _put(request: RestRequest, template: MessageTemplate, status: int) -> HttpResponse:
    for field, value, most in (
        ("name", template.name, _MOST_NAME_CHARACTERS),
        ("template", template.text, _MOST_TEXT_CHARACTERS),
    ):
        if not value.strip():
            return invalid_value("This value should not be blank.", field)
        if len(value) > most:
            return invalid_value(f"This value is too long. It should have {most} characters or less.", field)
    templates = request.state.templates
    named = templates.named(template.name)
    if named is not None and named.id != template.id:
        return rest_error(409, "It already exists")
    return shown(_shown(template), status) if templates.put(template) else too_many("templates")


def _found(request: RestRequest) -> MessageTemplate:
    template = request.state.templates.find(request.ids[0])
    if template is None:
        raise RestRefusalError(rest_error(404, "Not found resource"))
    return template


def _shown(template: MessageTemplate) -> TemplateBody:
    return TemplateBody(template.id, template.name, template.text, template.normalize)
