"""The prompts' pages: read them, compare versions, choose one for a site, try one on a turn."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from assistant.helping.outcomes import detail_of
from assistant.helping.requests import access_run, request_help
from assistant.models import HelperRun, Turn
from assistant.prompt_choice import ANSWER, choose_prompt, prompt_in_force
from assistant.prompt_library import Prompt, list_prompts, load_prompt
from conversations.models import Message, Site
from core.errors import NotFound, SupportError
from core.markup import render_markdown
from core.moments import write_moment
from desk.console import html_of
from desk.turn_page import asked_in
from knowledge.history import compare_texts

MAY_READ = "assistant.view_turn"
MAY_CHOOSE = "conversations.change_site"
TURNS_OFFERED = 60
LONGEST_LABEL = 90


class ChoiceForm(forms.Form):
    """Which version a site uses; the empty one is whichever is newest."""

    site = forms.ModelChoiceField(Site.objects.order_by("name"))
    version = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        version = self.fields["version"]
        if isinstance(version, forms.ChoiceField):
            version.choices = [("", "The newest"), *_versions()]


class TrialForm(forms.Form):
    """A version of the answer's prompt, and the turn to try it on."""

    version = forms.TypedChoiceField(label="Version", coerce=int)
    turn = forms.TypedChoiceField(label="Turn", coerce=int)

    def __init__(self, *args: Any, turns: list[Turn], **options: Any) -> None:
        super().__init__(*args, **options)
        for name, choices in (("version", _versions()), ("turn", _by_conversation(turns))):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = choices


@require_safe
def list_view(request: HttpRequest) -> HttpResponse:
    """List every version of every prompt, and what each site uses."""
    prompts: dict[str, list[Prompt]] = {}
    for prompt in list_prompts():
        prompts.setdefault(prompt.name, []).append(prompt)
    sites = [
        (site, prompt_in_force(site), ChoiceForm(initial={"version": site.prompt_version or ""}))
        for site in Site.objects.order_by("name")
    ]
    context = {"prompts": prompts, "sites": sites, "may_choose": request.user.has_perm(MAY_CHOOSE)}
    return _page(request, "desk/prompts.html", title="Prompts", **context)


@require_safe
def prompt_view(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """Show one version, or with ``?with=`` what it changed of another."""
    asked = request.GET.get("with", "")
    try:
        prompt = load_prompt(name, version)
        is_number = asked.isascii() and asked.isdecimal() and len(asked) < 9
        other = load_prompt(name, int(asked)) if is_number else None
    except NotFound:
        raise Http404 from None
    context = {
        "prompt": prompt,
        "other": other,
        "others": [
            one for one in list_prompts() if one.name == name and one.version != prompt.version
        ],
        "lines": compare_texts(other.text, new=prompt.text) if other else [],
        "is_answer": name == ANSWER,
    }
    return _page(request, "desk/prompt.html", title=f"Prompt {prompt.label}", **context)


@require_POST
@permission_required(MAY_CHOOSE, raise_exception=True)
def choose_view(request: HttpRequest) -> HttpResponse:
    """Let a site use another version from now on; the change is logged."""
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such site or version.")
        return redirect("desk:prompts")
    chosen, version = form.cleaned_data["site"], form.cleaned_data["version"]
    before = prompt_in_force(chosen)
    site = choose_prompt(chosen.pk, version=version)
    said = f"Prompt answer/{prompt_in_force(site)}{'' if version else ', the newest'}"
    log = admin.site.get_model_admin(Site)
    log.log_change(request, site, f"{said}, in place of answer/{before}.")
    messages.success(request, f"{site} uses {said[0].lower()}{said[1:]} from now on.")
    return redirect("desk:prompts")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def trial_view(request: HttpRequest) -> HttpResponse:
    """Ask for a trial of a version on a turn that was; a worker carries it out."""
    turns = _turns_offered(request)
    form = TrialForm(request.POST or None, turns=turns, initial=_initial(request))
    if request.method == "POST" and form.is_valid():
        turn = next(one for one in turns if one.pk == form.cleaned_data["turn"])
        try:
            run = request_help(
                HelperRun.Kind.PROMPT_TRIAL,
                conversation=turn.conversation,
                by=_user(request),
                turn=turn.pk,
                prompt_version=form.cleaned_data["version"],
            )
        except SupportError as error:
            messages.error(request, error.detail)
        else:
            return redirect("desk:prompt_trial_result", run.public_id)
    return _page(request, "desk/prompt_trial.html", title="Try a prompt", form=form, turns=turns)


@never_cache
@require_safe
def result_view(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Show the answer that was given beside the one of the trial."""
    try:
        run = access_run(_user(request), public_id=public_id)
    except NotFound:
        raise Http404 from None
    turns = Turn.objects.select_related("message", "conversation__site")
    turn = turns.filter(pk=run.input.get("turn")).first()
    if run.kind != HelperRun.Kind.PROMPT_TRIAL or turn is None:
        raise Http404
    context = {
        "run": run,
        "turn": turn,
        "asked": asked_in(turn),
        "stored": html_of(turn.conversation, turn.message) if turn.message else "",
        "composed": render_markdown(run.output.get("text", ""), link_hosts=_hosts(run)),
        "problem": detail_of(run.error_code),
        "is_open": run.state in {HelperRun.State.QUEUED, HelperRun.State.RUNNING},
    }
    return _page(request, "desk/prompt_result.html", title="A prompt tried", **context)


def prompt_urls() -> list[URLPattern]:
    """Return the pages' addresses, each behind the log-in and the permission to read."""

    def readers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        return admin.site.admin_view(permission_required(MAY_READ, raise_exception=True)(view))

    base = "assistant/prompts/"
    return [
        path(base, readers(list_view), name="prompts"),
        path(f"{base}use/", readers(choose_view), name="choose_prompt"),
        path(f"{base}try/", readers(trial_view), name="prompt_trial"),
        path(f"{base}try/<uuid:public_id>/", readers(result_view), name="prompt_trial_result"),
        path(f"{base}<slug:name>/<int:version>/", readers(prompt_view), name="prompt"),
    ]


def _versions() -> list[tuple[int, str]]:
    found = [one.version for one in list_prompts() if one.name == ANSWER]
    return [(version, f"Version {version}") for version in found]


def _turns_offered(request: HttpRequest) -> list[Turn]:
    """Return the newest turns that looked at the articles, and the one that was asked for."""
    rows = Turn.objects.filter(confidence__isnull=False).select_related("conversation__customer")
    newest = list(rows.order_by("-pk")[:TURNS_OFFERED])
    asked = request.POST.get("turn") or request.GET.get("turn") or ""
    if asked.isascii() and asked.isdecimal() and len(asked) < 19:
        known = {one.pk for one in newest}
        newest += [one for one in rows.filter(pk=asked) if one.pk not in known]
    return newest


def _by_conversation(turns: list[Turn]) -> list[tuple[str, list[tuple[int, str]]]]:
    """Return the turns as choices, grouped by their conversations, with the customers' words."""
    words = _first_words(turns)
    groups: dict[str, list[tuple[int, str]]] = {}
    for turn in turns:
        conversation = turn.conversation
        group = f"{conversation.customer}, {write_moment(conversation.created_at)}"
        label = f"{words.get(turn.pk) or f'Turn {turn.pk}'} ({write_moment(turn.created_at)})"
        groups.setdefault(group, []).append((turn.pk, label))
    return list(groups.items())


def _first_words(turns: list[Turn]) -> dict[int, str]:
    said = Message.objects.filter(conversation__in={turn.conversation_id for turn in turns})
    texts = {
        (conversation, seq): " ".join(text.split())[:LONGEST_LABEL]
        for conversation, seq, text in said.values_list("conversation_id", "seq", "text")
    }
    return {turn.pk: texts.get((turn.conversation_id, turn.from_seq), "") for turn in turns}


def _initial(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in ("turn", "version") if name in request.GET}


def _hosts(run: HelperRun) -> set[str]:
    """Return the hosts that a trial's links may lead to, as for an answer that is sent."""
    cited = {urlsplit(one.get("url", "")).hostname or "" for one in run.output.get("citations", [])}
    own = run.conversation.site.link_hosts if run.conversation else []
    return {host for host in cited | set(own) if host}


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _page(request: HttpRequest, template: str, *, title: str, **context: Any) -> HttpResponse:
    common = {**admin.site.each_context(request), "title": title, "is_nav_sidebar_enabled": False}
    return TemplateResponse(request, template, common | context)
