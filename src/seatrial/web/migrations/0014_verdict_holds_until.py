"""Until when the time changes nothing of a verdict. What was kept without it is decided anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("site", "0013_label_scale")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="glance",
            name="holds_until",
            field=models.DateTimeField(default=datetime(1970, 1, 1, tzinfo=UTC)),
            preserve_default=False,
        ),
    ]
