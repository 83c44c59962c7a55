"""What makes a system complete over the API: the places of its people, and its connections."""

from __future__ import annotations

from seatrial.app.proposing.connecting import connect, connections, stands
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.web.access import SiteAction, Visitor, put_down
from seatrial.web.api.problem import Problem
from seatrial.web.api.route import Inside, Reply
from seatrial.web.api.serving import refuse
from seatrial.web.invitations import make_invitation, person_problems, user_problems


def invite_person(call: Inside) -> Reply:
    """The link by which a declared person takes their place."""
    return _invited(call, "person", listed=False)


def invite_user(call: Inside) -> Reply:
    """The link by which somebody on the user list takes theirs."""
    return _invited(call, "user", listed=True)


def _invited(call: Inside, field: str, *, listed: bool) -> Reply:
    name, email = call.given[field].strip(), call.given["email"].strip().lower()
    wrong = (user_problems if listed else person_problems)(call.system, call.workspace, name, email)
    if wrong or not isinstance(call.who, Visitor):
        errors = {f"/{at}": str(said) for at, said in wrong.items()}
        raise Problem(422, "what was sent cannot be taken", errors=errors)
    secret = make_invitation(call.who, call.system, name, email, listed=listed)
    link = call.request.build_absolute_uri(f"/invitations/{secret}/")
    return Reply(content={field: name, "email": email, "link": link}, status=201)


def connected(call: Inside) -> Reply:
    """What is said of the connections now, and of which text of the system file."""
    return Reply(content=_connections(call))


def complete(call: Inside) -> Reply:
    """Write values into the system file, over the text that was seen."""
    known = {each.field for each in connections(call.workspace)}
    errors = {name: "There is no such connection." for name in call.given["values"] if name not in known}
    written: tuple[str, ...] = ()
    if not errors:
        try:
            written, errors = connect(call.workspace, call.given["values"], seen=call.given["seen"])
        except Refused as error:
            raise refuse(call, SiteAction.CONNECT, error, about="the connections", status=409) from None
    if errors:
        told = {f"/values/{field}": said for field, said in errors.items()}
        raise Problem(422, "what was sent cannot be taken", errors=told)
    put_down(call.who, SiteAction.CONNECT, about=", ".join(written))
    return Reply(content=_connections(call))


def _connections(call: Inside) -> Json:
    return {
        "seen": stands(call.workspace),
        "values": {each.field: each.value for each in connections(call.workspace)},
    }
