from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("site", "0011_access_tokens"),
    ]

    operations = [
        migrations.AddField("account", "language", models.CharField(blank=True, default="", max_length=12)),
    ]
