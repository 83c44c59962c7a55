"""The site as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class Site(AppConfig):
    """Fleet, boards, gaps, reviews and people."""

    name = "seatrial.web"
    label = "site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have each session listed when it begins."""
        from django.contrib.auth.signals import user_logged_in

        from seatrial.web.sessions import begun

        user_logged_in.connect(begun)
