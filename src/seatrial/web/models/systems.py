"""The systems that the site shows."""

from __future__ import annotations

from django.db import models


class Registered(models.Model):
    """A system that the site shows: where its system file is."""

    slug = models.SlugField(max_length=63, unique=True)
    path = models.TextField(unique=True)
    second_factor = models.BooleanField(default=False)
    """Whether whoever puts a statement on record here shows a second factor."""
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "site_system"


class Glance(models.Model):
    """A verdict as it was computed last, so that a page need not read a long ledger; made anew when anything moved.

    From `holds_until` on the time alone may change it.
    """

    system = models.OneToOneField(Registered, models.CASCADE, related_name="glance")
    key = models.CharField(max_length=64)
    verdict = models.BinaryField()
    made_at = models.DateTimeField()
    holds_until = models.DateTimeField()

    class Meta:
        db_table = "site_glance"
