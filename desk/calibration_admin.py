"""Where managers see how sure the assistant should be, refit it, and decide what is used."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from assistant.calibration import activate_calibration, return_to_shipped
from assistant.models import Calibration
from assistant.refitting import (
    OUT_OF_SCOPE,
    TooFewVerdicts,
    check_enough,
    count_verdicts,
    propose_calibration,
    usable_verdicts,
)
from conversations.models import Site
from core.errors import NotFound, SupportError
from desk.calibration_charts import draw_risk
from desk.calibration_figures import (
    count_of,
    curve_rows,
    figures_of,
    topic_rows,
    verdict_rows,
    weight_rows,
)

if TYPE_CHECKING:
    CalibrationBase = admin.ModelAdmin[Calibration]
else:
    CalibrationBase = admin.ModelAdmin

# Text in an SVG shrinks with it, so a phone gets a drawing of its own.
CHART_WIDTHS = {"wide": 1120, "narrow": 360}
SHOWN = 30
TEMPLATES = "admin/assistant/calibration"


class RefitForm(forms.Form):
    """What a refit is to keep to, in percent."""

    target = forms.FloatField(
        label="Wrong answers allowed, in percent",
        min_value=0.5,
        max_value=50,
        help_text="Of the answers given.",
    )
    out_of_scope = forms.FloatField(
        label="Questions without an article, in percent",
        min_value=1,
        max_value=90,
        help_text="How many of your customers' questions no article answers; too low a share "
        "sets the threshold too low.",
    )


class CalibrationAdmin(CalibrationBase):
    """Calibrations are made by refitting and used by a click; they are never edited."""

    def get_urls(self) -> list[URLPattern]:
        """Add what is done to a site, or with a calibration."""
        wrap = self.admin_site.admin_view
        return [
            path(
                "site/<int:pk>/refit/",
                wrap(self.refit_view),
                name="assistant_calibration_refit",
            ),
            path(
                "site/<int:pk>/shipped/",
                wrap(self.shipped_view),
                name="assistant_calibration_shipped",
            ),
            path("<int:pk>/use/", wrap(self.use_view), name="assistant_calibration_use"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a site's calibrations, its verdicts, and the way to a refit."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        sites = list(Site.objects.order_by("name"))
        chosen = next((one for one in sites if one.key == request.GET.get("site")), None)
        site = chosen or next(iter(sites), None)
        context = self._page(request, title="Calibrations")
        context |= {"sites": sites, "site": site}
        if site is not None:
            context |= self._of_site(request, site)
        return TemplateResponse(request, f"{TEMPLATES}/change_list.html", context)

    @method_decorator(require_safe)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what a calibration would change, or has changed."""
        calibration = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, calibration):
            raise PermissionDenied
        if calibration is None:
            raise Http404
        curves = calibration.curves
        context = self._page(request, title=f"Calibration of {calibration.site}") | {
            "calibration": calibration,
            "curves": curves,
            "target": f"{curves['target']:.1%}",
            "site_target": f"{calibration.site.wrong_answer_target:.1%}",
            "out_of_scope": f"{curves['out_of_scope']:.0%}",
            "figures": figures_of(curves),
            "charts": [
                draw_risk(curves, name=name, width=width) for name, width in CHART_WIDTHS.items()
            ],
            "curve_rows": curve_rows(curves),
            "topics": topic_rows(curves),
            "weights": weight_rows(calibration),
            **_verdicts(curves["verdicts"]),
        }
        return TemplateResponse(request, f"{TEMPLATES}/change_form.html", context)

    @method_decorator(require_POST)
    def refit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a proposal; what the site uses stays as it is."""
        site = self._access_site(request, pk)
        form = RefitForm(request.POST)
        if not form.is_valid():
            for name, errors in form.errors.items():
                self._say(request, f"{form.fields[name].label}: {errors[0]}")
            return _to_list(site)
        try:
            proposal = propose_calibration(
                site,
                target=round(form.cleaned_data["target"] / 100, 6),
                out_of_scope=form.cleaned_data["out_of_scope"] / 100,
            )
        except SupportError as error:
            self._say(request, error.detail)
            return _to_list(site)
        self.message_user(request, "This is a proposal: nothing has changed yet.")
        return redirect("admin:assistant_calibration_change", proposal.pk)

    @method_decorator(require_POST)
    def use_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let the calibration's site use it from now on."""
        user = self._manager(request)
        try:
            used = activate_calibration(pk, by=user)
        except NotFound:
            raise Http404 from None
        self.log_change(request, used, "Used from now on.")
        self.message_user(
            request, f"{used.site} uses this calibration from now on.", messages.SUCCESS
        )
        return redirect("admin:assistant_calibration_change", pk)

    @method_decorator(require_POST)
    def shipped_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a site use the shipped weights again."""
        site = self._access_site(request, pk)
        used = Calibration.objects.filter(site=site, state=Calibration.State.ACTIVE).first()
        return_to_shipped(site.pk)
        if used is not None:
            self.log_change(request, used, "Went back to the shipped weights.")
        self.message_user(
            request, f"{site} uses the shipped weights from now on.", messages.SUCCESS
        )
        return _to_list(site)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A refit makes them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Calibration | None = None) -> bool:
        """They tell what was used when."""
        return False

    def _of_site(self, request: HttpRequest, site: Site) -> dict[str, Any]:
        verdicts = usable_verdicts(site.pk)
        try:
            check_enough(verdicts)
            missing = ""
        except TooFewVerdicts as error:
            missing = error.detail
        rows = Calibration.objects.filter(site=site).select_related("activated_by")
        initial = {
            "target": round(100 * site.wrong_answer_target, 2),
            "out_of_scope": round(100 * OUT_OF_SCOPE),
        }
        return {
            "active": rows.filter(state=Calibration.State.ACTIVE).first(),
            "calibrations": rows.order_by("-created_at", "-pk")[:SHOWN],
            "form": RefitForm(initial=initial),
            "missing": missing,
            **_verdicts(count_verdicts(verdicts)),
        }

    def _access_site(self, request: HttpRequest, pk: int) -> Site:
        self._manager(request)
        return get_object_or_404(Site, pk=pk)

    def _manager(self, request: HttpRequest) -> User:
        user = request.user
        if not isinstance(user, User) or not self.has_change_permission(request):
            raise PermissionDenied
        return user

    def _say(self, request: HttpRequest, text: str) -> None:
        self.message_user(request, text, messages.ERROR)

    def _page(self, request: HttpRequest, *, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "may_change": self.has_change_permission(request),
        }


def _verdicts(counts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "confirmed": verdict_rows(counts, confirmed=True),
        "confirmed_count": count_of(counts, confirmed=True),
        "assumed": verdict_rows(counts, confirmed=False),
        "assumed_count": count_of(counts, confirmed=False),
    }


def _to_list(site: Site) -> HttpResponse:
    return redirect(f"{reverse('admin:assistant_calibration_changelist')}?site={site.key}")
