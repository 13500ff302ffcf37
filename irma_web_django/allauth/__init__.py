"""A provider for django-allauth, so that a site with allauth can also log people in with Yivi.

    INSTALLED_APPS += ["irma_web", "irma_web_django", "irma_web_django.allauth"]
    SOCIALACCOUNT_PROVIDERS = {"irma": {"QUESTION": "allauth", "ACCOUNT": "email"}}

allauth handles accounts, sign-up and logins. `docs/how-to/django.md` lists the settings.
"""
