from django.db import migrations, models


def _only_doubts() -> list[str]:
    """What tokens were for, before they had scopes."""
    return ["doubts"]


class Migration(migrations.Migration):
    dependencies = [
        ("site", "0010_groups"),
    ]

    operations = [
        migrations.RenameModel("ReportToken", "AccessToken"),
        migrations.AlterModelTable("accesstoken", "site_access_token"),
        migrations.AlterField(
            "accesstoken",
            "system",
            models.ForeignKey("site.registered", models.CASCADE, related_name="tokens"),
        ),
        migrations.AddField("accesstoken", "scopes", models.JSONField(default=_only_doubts), preserve_default=False),
        migrations.AddField("accesstoken", "expires_at", models.DateTimeField(null=True)),
        migrations.AddField("accesstoken", "used_at", models.DateTimeField(null=True)),
    ]
