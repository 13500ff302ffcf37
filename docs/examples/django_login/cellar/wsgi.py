"""The application for a WSGI server, such as `gunicorn cellar.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cellar.settings")
application = get_wsgi_application()
