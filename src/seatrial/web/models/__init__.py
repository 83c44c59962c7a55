"""The site's own tables: accounts, who they are in which system, and drafts. What counts is in the ledger, not here.

Django looks for them all in this module.
"""

from __future__ import annotations

from seatrial.web.models.accounts import Account, Accounts, Entry, LinkedIdentity, ResetLink, SigningKey, Tries
from seatrial.web.models.deeds import Deed
from seatrial.web.models.jobs import Job
from seatrial.web.models.labels import LabelRound, RowLabel
from seatrial.web.models.places import AccessToken, Group, GroupMember, Invitation, Membership
from seatrial.web.models.review import Meeting, Remark, Reminder, Undertaking
from seatrial.web.models.second_factors import CodeDevice, Passkey, RecoveryCode
from seatrial.web.models.systems import Glance, Registered
from seatrial.web.models.use import Doubt, OutputUse

__all__ = [
    "AccessToken",
    "Account",
    "Accounts",
    "CodeDevice",
    "Deed",
    "Doubt",
    "Entry",
    "Glance",
    "Group",
    "GroupMember",
    "Invitation",
    "Job",
    "LabelRound",
    "LinkedIdentity",
    "Meeting",
    "Membership",
    "OutputUse",
    "Passkey",
    "RecoveryCode",
    "Registered",
    "Remark",
    "Reminder",
    "ResetLink",
    "RowLabel",
    "SigningKey",
    "Tries",
    "Undertaking",
]
