from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("site", "0012_account_language"),
    ]

    operations = [
        migrations.AddField("labelround", "scale", models.JSONField(null=True)),
    ]
