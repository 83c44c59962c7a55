"""Groups: an administrator says whose accounts hold places together, and in which systems."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from seatrial.core.errors import Refused
from seatrial.web.access import SiteAction, Visitor, demand, put_down, visitor
from seatrial.web.groups import places, settle
from seatrial.web.language import _, english, sentences
from seatrial.web.models import Account, Group, GroupMember, Registered
from seatrial.web.pages import page
from seatrial.web.views.second_factor import account_of
from seatrial.web.views.visiting import signed_in


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def groups(request: HttpRequest) -> HttpResponse:
    """All groups, and a new one."""
    who = visitor(account_of(request), None)
    demand(who, SiteAction.ADMINISTER, about="groups")
    name = request.POST.get("name", "").strip()[:80]
    problem = ""
    if request.method == "POST":
        if not name:
            problem = _("Give it a name, such as IT team.")
        elif Group.objects.filter(name__iexact=name).exists():
            problem = _("There is a group of this name.")
        else:
            made = Group.objects.create(name=name)
            put_down(who, SiteAction.ADMINISTER, about=f"made the group {name}")
            return redirect("group", made.pk)
    shown = Group.objects.annotate(members=Count("groupmember", distinct=True), held=Count("systems", distinct=True))
    context = {"groups": shown.order_by("name"), "name": name, "problem": problem}
    return page(request, "groups.html", context, status=422 if problem else 200)


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One group: its members, its systems, and who they are in each."""
    who = visitor(account_of(request), None)
    demand(who, SiteAction.ADMINISTER, about=f"group {number}")
    group = get_object_or_404(Group, pk=number)
    errors: dict[str, str] = {}
    given = {key: request.POST.get(key, "").strip() for key in ("email", "person", "system")}
    if request.method == "POST":
        try:
            said = _changed(request, group, given)
        except Refused as error:
            errors[request.POST.get("do", "")] = sentences(error.what, error.remedy)
        else:
            put_down(who, SiteAction.ADMINISTER, about=f"group {group.name}: {english(said)}")
            if group.pk is None:
                return redirect("groups")
            _settled(who, group)
            messages.success(request, _("Done: %(said)s.", said=said))
            return redirect("group", number)
    else:
        # A file may name somebody by now whom it did not name before; a place may have become free.
        _settled(who, group)
    context = {
        "group": group,
        "members": GroupMember.objects.filter(group=group).select_related("account").order_by("account__name"),
        "held": group.systems.order_by("slug"),
        "others": Registered.objects.exclude(pk__in=group.systems.values("pk")).order_by("slug"),
        "places": list(places(group)),
        "errors": errors,
        "given": given,
    }
    return page(request, "group.html", context, status=422 if errors else 200)


def _changed(request: HttpRequest, group: Group, given: dict[str, str]) -> str:
    """What was changed, in words. Raises Refused."""
    match request.POST.get("do"):
        case "member":
            return _added(group, given["email"].lower(), given["person"])
        case "no-member":
            found = GroupMember.objects.filter(group=group, pk=_number(request, "member")).select_related("account")
            said = ", ".join(each.account.email for each in found) or "nobody"
            found.delete()
            return _("without %(said)s", said=said)
        case "system":
            system = Registered.objects.filter(slug=given["system"]).first()
            if system is None:
                raise Refused("there is no such system here", remedy="Choose one of the list.")
            group.systems.add(system)
            return _("with the system %(slug)s", slug=system.slug)
        case "no-system":
            out = Registered.objects.filter(pk=_number(request, "held")).first()
            if out is not None:
                group.systems.remove(out)
            return _("without the system %(slug)s", slug="" if out is None else out.slug)
        case "end":
            group.delete()
            return _("ended, and its places with it")
    raise Refused(_("that cannot be done here"), remedy=_("Load the page anew."))


def _added(group: Group, email: str, person: str) -> str:
    account = Account.objects.filter(email=email).first()
    if account is None or not person:
        raise Refused(
            _("nobody here has this address, or it is not said who they are"),
            remedy=_("Invite them to one system first; then give their address, and their id in the system files."),
        )
    if account.admin:
        raise Refused(
            _("an administrator cannot be one of them"), remedy=_("Take an account that administers nothing.")
        )
    if GroupMember.objects.filter(group=group, person=person).exclude(account=account).exists():
        raise Refused(
            _("another member of this group is %(person)s", person=person), remedy=_("Each stands for one person.")
        )
    GroupMember.objects.update_or_create(group=group, account=account, defaults={"person": person})
    return _("%(email)s as %(person)s", email=email, person=person)


def _settled(who: Visitor, group: Group) -> None:
    """Bring the places up to date; each that changes hands is in that system's own log."""
    given, taken = settle(group)
    for seats, said in ((given, "has the place of"), (taken, "has no longer the place of")):
        for seat in seats:
            about = f"{seat.account.email} {said} {seat.person}, by the group {group.name}"
            put_down(replace(who, system=seat.system), SiteAction.INVITE, about=about)


def _number(request: HttpRequest, name: str) -> int:
    given = request.POST.get(name, "")
    return int(given) if given.isdecimal() else 0
